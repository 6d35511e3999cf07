"""Rows of the sign-in pages, ready to be read: plain values, marks and words."""

import datetime as dt
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from controlplane.marks import Mark
from organizations.domain_names.claim import Claim
from organizations.domain_names.dns import record_name, record_text
from organizations.domain_names.judging import GRACE
from organizations.models import Connection, Domain, Organization, SignInTest
from organizations.roles.named import role_name
from organizations.sso.claims import PURPOSES, purpose_of, told_by
from organizations.sso.guides import values_of
from organizations.sso.outlook import REASONS, Fate, Outlook
from organizations.sso.saml.certificates import fingerprint, parsed

CONNECTION_MARKS = {
    "draft": Mark("attention", "clock", "Waits for an owner"),
    "off": Mark("off", "circle-pause", "Off"),
    "unproven": Mark("attention", "clock", "Waiting for the first sign-in"),
    "working": Mark("ok", "circle-check", "Working"),
}
TEST_MARKS = {
    SignInTest.Outcome.RUNNING: Mark("working", "loader-circle", "Waiting for the provider"),
    SignInTest.Outcome.PASSED: Mark("ok", "circle-check", "Passed"),
    SignInTest.Outcome.REFUSED: Mark("failed", "circle-x", "Refused"),
}
CLAIM_MARKS = {
    Domain.State.PENDING: Mark("attention", "clock", "Waiting for DNS"),
    Domain.State.PROVEN: Mark("ok", "circle-check", "Proven"),
    Domain.State.MISSING: Mark("attention", "triangle-alert", "Record is gone"),
    Domain.State.WITHDRAWN: Mark("failed", "circle-x", "No longer proven"),
}
CERTIFICATE_NOTICE = dt.timedelta(days=30)

POLICIES = {
    Organization.SignInPolicy.ANY: "Members may use the platform's sign-in or one of your connections.",
    Organization.SignInPolicy.CONNECTION: "Members must use one of your connections. The platform's own sign-in "
    "does not open this organization.",
}
FATES = {
    Fate.ENTERS: ("ok", "Comes in"),
    Fate.JOINS: ("ok", "Joins"),
    Fate.NOT_A_MEMBER: ("attention", "Is refused: not a member, and joining is off"),
    Fate.ADDRESS_NOT_PROVEN: ("attention", "Is refused: the address is in no proven domain"),
    Fate.EMAIL_UNVERIFIED: ("attention", "Is refused: the provider has not verified the address"),
    Fate.NO_ACCESS: ("failed", "Is refused: the groups give no access"),
    Fate.DEPROVISIONED: ("failed", "Is refused: your directory took them away"),
    Fate.BLOCKED: ("failed", "Is refused: access was taken away; an administrator gives it back"),
}
CHECKS = {
    "saml": (
        ("Signature is valid", "Over the whole assertion, by a certificate below"),
        ("It answers our request", "Same request id, not seen before"),
        ("It is meant for us", "Audience, recipient and destination match"),
        ("It is in time", "Not yet used, and not too old"),
    ),
    "oidc": (
        ("Signature is valid", "ID token signed by a key that the provider publishes"),
        ("It answers our request", "State, nonce and PKCE verifier match"),
        ("It is meant for us", "Issuer and audience match"),
        ("One person", "ID token and user details name the same subject"),
    ),
}


def policy_words(organization: Organization) -> str:
    """How people get in, in one sentence."""
    return POLICIES[Organization.SignInPolicy(organization.sign_in_policy)]


def connection_row(connection: Connection, test: SignInTest | None = None) -> dict[str, Any]:
    """One identity provider in the list."""
    state = "working" if connection.proven_at else "unproven"
    if not connection.is_enabled:
        state = "draft" if connection.state == Connection.State.DRAFT else "off"
    return {
        "id": connection.pk,
        "name": connection.name,
        "kind": connection.kind,
        "kind_words": connection.get_kind_display(),
        "issuer": connection.issuer,
        "mark": CONNECTION_MARKS[state],
        "enabled": connection.is_enabled,
        "joins": connection.just_in_time,
        "roles": len(connection.role_rules),
        "test": test,
    }


def provider_page(connection: Connection) -> dict[str, Any]:
    """Both sides' facts of a connection."""
    return {
        "is_saml": connection.is_saml,
        "ours": _our_side(connection),
        "theirs": _their_side(connection),
        "certificates": [certificate_row(text) for text in connection.certificates],
        "own_certificates": _own_certificates(connection),
        "metadata_url": values_of(connection).get("metadata_url", ""),
    }


def certificate_row(text: str) -> dict[str, Any]:
    """A certificate: until when, and its fingerprint."""
    certificate, now = parsed(text), timezone.now()
    ends = certificate.not_valid_after_utc
    mark = Mark("failed", "circle-x", "Ended") if ends <= now else Mark("attention", "clock", "Ends soon")
    whole = fingerprint(text)
    return {
        "not_after": ends,
        "mark": mark if ends - now < CERTIFICATE_NOTICE else None,
        "fingerprint": whole,
        "shown": ":".join(whole[n : n + 2] for n in range(0, 32, 2)),
        "text": text,
    }


def ending_soon(organization: Organization) -> QuerySet[Connection]:
    """Connections that are switched on and whose last certificate ends within 30 days."""
    until = timezone.now() + CERTIFICATE_NOTICE
    return Connection.objects.filter(
        organization=organization, state=Connection.State.ENABLED, certificates_end_at__lt=until
    )


def ending_words(connection: Connection) -> str:
    """What is to be said of a provider's last certificate that ends soon."""
    ends = connection.certificates_end_at or timezone.now()
    days = (ends - timezone.now()).days
    when = f"in {days} day{'' if days == 1 else 's'}" if days > 0 else "today" if ends > timezone.now() else ""
    return f"The last certificate of {connection.name} " + (f"ends {when}." if when else f"ended on {ends:%-d %B %Y}.")


def claim_row(claim: Claim) -> dict[str, Any]:
    """One name that is claimed in DNS, with the record to publish."""
    state = Claim.State(claim.state)
    return {
        "id": claim.pk,
        "name": claim.name,
        "mark": CLAIM_MARKS[state],
        "counts": claim.counts,
        "needs_record": state != Claim.State.PROVEN,
        "record_name": record_name(claim.name),
        "record_text": record_text(claim.proof),
        "looked_at": claim.looked_at,
        "looked_words": claim.looked_words,
        "next_look_at": claim.next_look_at if _is_ahead(claim.next_look_at) else None,
        "withdrawn_at": claim.missing_since + GRACE if claim.missing_since and state == "missing" else None,
    }


def domain_row(domain: Domain) -> dict[str, Any]:
    """One domain, with what it is used for."""
    used = {name: getattr(domain, name) for name in ("connection", "enforced", "join_requests")}
    return {**claim_row(domain), **used}


def _is_ahead(moment: dt.datetime | None) -> bool:
    return moment is not None and moment > timezone.now()


def test_page(connection: Connection, test: SignInTest, found: Outlook | None) -> dict[str, Any]:
    """What a test sign-in showed. `found` is what it would come to; None where nobody was proven."""
    told = told_by(connection.kind, connection.mapping, test.claims)
    rows = [_claim_row(connection, name, value) for name, values in test.claims.items() for value in values]
    return {
        "test": test,
        "mark": TEST_MARKS[SignInTest.Outcome(test.outcome)],
        "checks": CHECKS[connection.kind] if test.claims else (),
        "claims": rows,
        "unmapped": sum(row["missing"] for row in rows),
        "told": told,
        "groups": [{"name": group, "counts": found is not None and group == found.group} for group in told.groups],
        "would": outlook_row(connection.organization_id, found) if found else None,
    }


def outlook_row(organization_id: str, found: Outlook) -> dict[str, Any]:
    """What somebody would get, in words."""
    tone, words = FATES[found.fate]
    because = "the provider's groups are not asked"
    if found.is_mapped:
        because = f"because of the group {found.group}" if found.group else "as no group of theirs is in the table"
    return {
        "tone": tone,
        "words": words,
        "role": role_name(organization_id, found.role) if found.role else "",
        "because": because,
        "kept": found.kept,
        "refused": found.is_refused,
        "reason": REASONS.get(found.fate, ""),
    }


def _claim_row(connection: Connection, name: str, value: str) -> dict[str, Any]:
    purpose = purpose_of(connection.kind, connection.mapping, name)
    in_table = value in {rule["group"] for rule in connection.role_rules}
    missing = purpose == "groups" and connection.maps_roles and not in_table
    used = PURPOSES.get(purpose, "")
    if purpose == "groups" and in_table:
        used = "Group, gives a role"
    return {"name": name, "value": value, "used": used, "missing": missing}


def _our_side(connection: Connection) -> list[dict[str, str]]:
    values = values_of(connection)
    if connection.is_saml:
        facts = [
            ("ACS address", "also called reply or single sign-on address", values["acs_url"]),
            ("Entity id", "also called audience or identifier", values["entity_id"]),
        ]
    else:
        facts = [
            ("Redirect address", "also called callback or reply address", values["redirect_uri"]),
            ("Client id", "as your provider gave it", connection.client_id),
        ]
    facts.append(("Sign-in page", "where your people begin", values["sign_in_page"]))
    return [
        {"key": f"{connection.pk}-{n}", "label": label, "help": help_, "value": value}
        for n, (label, help_, value) in enumerate(facts)
    ]


def _their_side(connection: Connection) -> list[dict[str, Any]]:
    facts = [
        ("Entity id" if connection.is_saml else "Issuer", connection.issuer, True),
        ("Sign-in address", connection.sign_in_url, True),
        ("Read from", connection.source_url or "what was pasted or typed", bool(connection.source_url)),
    ]
    if not connection.is_saml:
        facts.append(("Asked for", " ".join(["openid email profile", connection.scopes]).strip(), True))
    return [{"label": label, "value": value, "mono": mono} for label, value, mono in facts]


def _own_certificates(connection: Connection) -> list[dict[str, Any]]:
    pairs = (("Signs now", connection.request_certificate), ("Next", connection.next_request_certificate))
    return [{"label": label, **certificate_row(text)} for label, text in pairs if text]

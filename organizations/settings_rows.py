"""Rows of the settings pages, ready to be read: plain values, marks and words."""

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.marks import Mark
from controlplane.models import AuditEntry
from organizations.audit_words import action_words, details
from organizations.models import ApiKey, Connection, Membership, Organization
from organizations.permissions import Role, may_hand_out
from organizations.settings_forms import scopes_in_words
from organizations.sso.oidc.provider import of_connection
from organizations.sso.saml import service_provider

KEY_MARKS = {
    "active": Mark("ok", "circle-check", "Active"),
    "expired": Mark("off", "clock", "Expired"),
    "revoked": Mark("failed", "circle-x", "Revoked"),
}
CONNECTION_MARKS = {
    "off": Mark("off", "circle-pause", "Off"),
    "unproven": Mark("attention", "clock", "Waiting for the first sign-in"),
    "working": Mark("ok", "circle-check", "Working"),
}
CERTIFICATE_NOTICE_DAYS = 30

POLICIES = {
    Organization.SignInPolicy.ANY: "Members may use the platform's sign-in or a connection below.",
    Organization.SignInPolicy.CONNECTION: "Members must use a connection below. The platform's own sign-in does not "
    "open this organization.",
}


def policy_words(organization: Organization) -> str:
    """How people get in, in one sentence."""
    return POLICIES[Organization.SignInPolicy(organization.sign_in_policy)]


def member_rows(memberships: Iterable[Membership], actor: Actor, permissions: frozenset[str]) -> list[dict[str, Any]]:
    """Everybody of the organization: the most able role first, by name within it."""
    rows = [member_row(membership, actor, permissions) for membership in memberships]
    return sorted(rows, key=lambda row: (Role.values.index(row["role"]), row["name"].lower()))


def member_row(membership: Membership, actor: Actor, permissions: frozenset[str]) -> dict[str, Any]:
    """One person of the organization. `can_change` only within the asker's own reach."""
    person = membership.user
    return {
        "id": membership.pk,
        "name": str(person),
        "email": person.email,
        "verified": person.email_verified,
        "role": membership.role,
        "role_label": Role(membership.role).label,
        "joined": membership.created_at,
        "self": person.pk == actor.user_id,
        "can_change": person.pk != actor.user_id and may_hand_out(permissions, membership.role),
    }


def key_row(key: ApiKey) -> dict[str, Any]:
    """One API key; its secret is not known to anybody."""
    return {
        "id": key.pk,
        "name": key.name,
        "tail": key.pk[-6:],
        "mark": KEY_MARKS[key.state],
        "scopes_words": scopes_in_words(list(key.scopes)),
        "owner": key.owner,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "can_revoke": key.state == "active",
    }


def connection_row(connection: Connection) -> dict[str, Any]:
    """One identity provider, with what each side has to know of the other."""
    is_saml = connection.kind == Connection.Kind.SAML
    state = "off" if not connection.is_enabled else "working" if connection.proven_at else "unproven"
    return {
        "id": connection.pk,
        "name": connection.name,
        "kind_words": connection.get_kind_display(),
        "mark": CONNECTION_MARKS[state],
        "enabled": connection.is_enabled,
        "renew_words": "Renew metadata" if is_saml else "Renew secret",
        "ours": _our_side(connection, is_saml),
        "theirs": _their_side(connection, is_saml),
        "certificates": [_certificate(text) for text in connection.certificates],
        "metadata_url": service_provider.entity_id(connection) if is_saml else "",
    }


def _our_side(connection: Connection, is_saml: bool) -> list[dict[str, str]]:
    sign_in = service_provider.absolute("connection", connection)
    if not is_saml:
        facts = [("Redirect address", of_connection(connection).redirect_uri), ("Client id", connection.client_id)]
    else:
        facts = [
            ("ACS address", service_provider.acs_url(connection)),
            ("Entity id", service_provider.entity_id(connection)),
        ]
    facts.append(("Sign-in page", sign_in))
    return [_fact(connection, n, label, value) for n, (label, value) in enumerate(facts)]


def _fact(connection: Connection, n: int, label: str, value: str) -> dict[str, str]:
    return {"key": f"{connection.pk}-{n}", "label": label, "value": value}


def _their_side(connection: Connection, is_saml: bool) -> list[dict[str, Any]]:
    facts = [
        ("Entity id" if is_saml else "Issuer", connection.issuer, True),
        ("Sign-in address", connection.sign_in_url, True),
        ("Read from", connection.source_url or "metadata that was pasted", bool(connection.source_url)),
    ]
    return [{"label": label, "value": value, "mono": mono} for label, value, mono in facts]


def _certificate(text: str) -> dict[str, Any]:
    certificate = x509.load_pem_x509_certificate(
        f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----".encode()
    )
    ends = certificate.not_valid_after_utc
    days = (ends - timezone.now()).days
    mark = Mark("failed", "circle-x", "Ended") if days < 0 else Mark("attention", "clock", "Ends soon")
    return {
        "not_after": ends,
        "mark": mark if days < CERTIFICATE_NOTICE_DAYS else None,
        "fingerprint": certificate.fingerprint(SHA256()).hex(":", 2)[:47],
    }


def audit_row(entry: AuditEntry, names: Mapping[str, str]) -> dict[str, Any]:
    """One entry as people read it."""
    actor = entry.actor
    who = names.get(actor.get("user", ""), "") or actor.get("user", "") or "The system"
    through = [f"with API key {actor['key']}"] if actor.get("key") else []
    through += ["as the MSP"] if actor.get("grant") else []
    through += [actor["reason"]] if actor.get("reason") else []
    return {
        "at": entry.created_at,
        "who": who,
        "through": ", ".join(through),
        "words": action_words(entry.action, refused=entry.refused),
        "target": entry.target,
        "details": details(entry.data),
        "address": actor.get("address", ""),
        "number": entry.position,
    }

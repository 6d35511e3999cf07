"""What the audit trail tells of sign-ins, in whose chain, and what outsiders can neither learn nor fill."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane import repetitions
from controlplane.models import AuditEntry
from organizations.models import Connection, Organization, User
from organizations.trail.words import action_words
from tests.cast import join, session_of
from tests.database import all_rows
from tests.deliveries import deliver_due
from tests.organizations.account_steps import (
    EMAIL,
    PASSWORD,
    add_app,
    app_code,
    mailed_link,
    make_recovery_codes,
    person_of,
    sign_in,
    sign_in_with_passkey,
    sign_up,
    sign_up_with_passkey,
)
from tests.organizations.conftest import Browser, audited
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import SamlIdp
from tests.organizations.test_keys import call, make

pytestmark = pytest.mark.django_db(transaction=True)

SESSION = "organizations.session."


def told(chain: str) -> list[tuple[str, bool, dict[str, Any]]]:
    """Entries about sessions: verb, refused, data."""
    deliver_due()
    entries = [entry for entry in audited(chain) if entry.action.startswith(SESSION)]
    return [(entry.action.removeprefix(SESSION), entry.refused, entry.data) for entry in entries]


def last(chain: str) -> AuditEntry:
    deliver_due()
    return [entry for entry in audited(chain) if entry.action.startswith(SESSION)][-1]


@pytest.fixture
def nora(visitor: Browser, acme: Organization, alice: User) -> User:
    """A member of Acme with a password, signed out."""
    user = sign_up(visitor)
    join(acme, invited_by=alice, user=user, role="viewer")
    visitor.post("/sign-out/")
    return user


@pytest.fixture
def equipped(nora: User, visitor: Browser) -> dict[str, Any]:
    """nora's app and recovery codes; signed out."""
    sign_in(visitor)
    factors = {"secret": add_app(visitor), "codes": make_recovery_codes(visitor)}
    visitor.post("/sign-out/")
    return factors


def test_a_sign_in_by_password_is_told_to_the_platform_and_to_the_organizations_that_it_opens(
    visitor: Browser, nora: User, acme: Organization, rival: Organization
) -> None:
    sign_in(visitor)
    for chain in ("platform", acme.pk):
        entry = last(chain)
        assert (entry.action, entry.target, entry.refused) == (f"{SESSION}begin", nora.pk, False)
        assert entry.data == {"way": "account", "how": "password"}
        assert (entry.actor["user"], entry.actor["session"]) == (nora.pk, visitor.session["session_id"])
    assert told(rival.pk) == []


def test_the_second_step_is_told_with_what_was_shown(
    visitor: Browser, acme: Organization, equipped: dict[str, Any]
) -> None:
    sign_in(visitor)
    assert told(acme.pk)[-1][0] == "end"  # the password alone opens nothing
    visitor.post("/sign-in/second-step/", {"code": equipped["codes"][0]})
    assert last(acme.pk).data == {"way": "account", "how": "password and recovery code"}
    visitor.post("/sign-out/")
    sign_in(visitor)
    visitor.post("/sign-in/second-step/", {"code": app_code(equipped["secret"], steps=1)})
    assert last(acme.pk).data == {"way": "account", "how": "password and app"}


def test_a_passkey_and_its_refusal_are_told(visitor: Browser, another_visitor: Browser) -> None:
    key = sign_up_with_passkey(visitor)
    sign_in_with_passkey(another_visitor, key)
    assert last("platform").data == {"way": "account", "how": "passkey"}
    sign_in_with_passkey(Browser(), key, flags=1)
    entry = last("platform")
    assert (entry.refused, entry.target) == (True, person_of(EMAIL).pk)
    assert entry.data == {"code": "PASSKEY_REFUSED", "way": "account"}
    Browser().post("/sign-in/passkey/", {"credential": "{}"})
    assert last("platform").target == "nobody"


def test_a_wrong_password_is_told_where_the_account_would_open_and_is_not_kept(
    visitor: Browser, nora: User, acme: Organization, rival: Organization
) -> None:
    assert sign_in(visitor, password="hunter2 hunter2").status_code == 400
    for chain in ("platform", acme.pk):
        entry = last(chain)
        assert (entry.action, entry.refused, entry.target) == (f"{SESSION}refuse", True, nora.pk)
        assert entry.data == {"code": "WRONG_PASSWORD", "way": "account"}
        assert "user" not in entry.actor
    assert told(rival.pk) == []
    with all_rows():
        assert "hunter2" not in str(list(AuditEntry.objects.values_list("data", flat=True)))


def test_an_address_that_nobody_has_is_told_to_the_platform_alone_without_the_address(
    visitor: Browser, acme: Organization
) -> None:
    sign_in(visitor, address="my-password-in-the-wrong-field@example.test")
    entry = last("platform")
    assert (entry.target, entry.data) == ("nobody", {"code": "WRONG_PASSWORD", "way": "account"})
    assert told(acme.pk) == []


def test_who_tries_learns_nothing_by_the_number_of_writes(nora: User) -> None:
    """The attack: the time of an answer tells who has an account, because its organizations are told as well."""
    counts = []
    for address in (EMAIL, "nobody@example.test"):
        with CaptureQueriesContext(connection) as queries:
            sign_in(Browser(), address=address, password="wrong wrong wrong")
        counts.append(len([each for each in queries if each["sql"].startswith(("INSERT", "UPDATE"))]))
    assert counts[0] == counts[1]


def test_guesses_do_not_flood_the_trails(nora: User, acme: Organization) -> None:
    for _ in range(9):
        sign_in(Browser(), password="wrong wrong wrong")
    repetitions.settle(timezone.now() + repetitions.WINDOW)
    for chain in ("platform", acme.pk):
        refused = [data for _, is_refused, data in told(chain) if is_refused]
        assert [data.get("times") for data in refused] == [None, 8]


def test_too_many_tries_are_told_as_such(nora: User, acme: Organization) -> None:
    answers = [sign_in(Browser(), password="wrong wrong wrong").status_code for _ in range(12)]
    assert answers[-1] == 429
    codes = [data["code"] for _, is_refused, data in told(acme.pk) if is_refused]
    assert codes == ["WRONG_PASSWORD", "TOO_MANY_TRIES"]


def test_a_wrong_code_is_told(visitor: Browser, acme: Organization, equipped: dict[str, Any]) -> None:
    sign_in(visitor)
    visitor.post("/sign-in/second-step/", {"code": "000000"})
    assert last(acme.pk).data == {"code": "WRONG_CODE", "way": "account"}


def test_confirming_and_failing_to_are_told(visitor: Browser, nora: User, acme: Organization) -> None:
    sign_in(visitor)
    visitor.post("/confirm/", {"password": "wrong wrong wrong"})
    assert last(acme.pk).data["code"] == "WRONG_PASSWORD"
    visitor.post("/confirm/", {"password": PASSWORD})
    entry = last("platform")
    assert (entry.action, entry.data) == (f"{SESSION}confirm", {"way": "account", "how": "password"})


def test_a_second_factor_that_opens_an_organization_is_told_there(
    visitor: Browser, nora: User, acme: Organization
) -> None:
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(require_second_factor=True)
    sign_in(visitor)
    assert "begin" not in {verb for verb, _, _ in told(acme.pk)[1:]}
    add_app(visitor)
    assert last(acme.pk).data == {"way": "account", "how": "app"}


def test_a_sign_out_is_told_where_the_session_was(visitor: Browser, nora: User, acme: Organization) -> None:
    sign_in(visitor)
    session_id = visitor.session["session_id"]
    visitor.post("/sign-out/")
    for chain in ("platform", acme.pk):
        entry = last(chain)
        assert (entry.action, entry.actor["user"]) == (f"{SESSION}end", nora.pk)
        assert entry.data == {"session": session_id, "because": "signed out"}


def test_the_end_of_a_session_from_elsewhere_is_told(
    visitor: Browser, another_visitor: Browser, nora: User, acme: Organization
) -> None:
    sign_in(visitor)
    sign_in(another_visitor)
    another_visitor.post("/account/sessions/end-others/")
    assert last(acme.pk).data == {"session": visitor.session["session_id"], "because": "ended from elsewhere"}


def test_the_platforms_provider_is_told_and_so_is_its_refusal(
    visitor: Browser, platform_idp: OidcIdp, acme: Organization
) -> None:
    platform_idp.person = {"sub": "zoe", "email": "zoe@example.test", "email_verified": True}
    visitor.through_oidc(platform_idp)
    assert last("platform").data == {"way": "platform", "how": "provider"}
    platform_idp.claims = {"aud": "another"}
    Browser().through_oidc(platform_idp)
    entry = last("platform")
    assert (entry.refused, entry.target, entry.data["code"]) == (True, "platform", "OIDC_INVALID")
    assert told(acme.pk) == []


def test_a_connection_is_told_to_its_organization_and_the_platform(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection, acme: Organization
) -> None:
    visitor.through_saml(saml_idp, pending)
    visitor.post("/sign-out/")
    visitor.through_saml(saml_idp, pending)
    own = last(pending.organization_id)
    assert (own.action, own.data["connection"], own.actor["user"]) == (f"{SESSION}begin", pending.pk, own.target)
    assert last("platform").data == {"way": pending.pk}
    Browser().through_saml(saml_idp, pending, audience="https://elsewhere.example")
    for chain in (pending.organization_id, "platform"):
        entry = last(chain)
        assert (entry.refused, entry.target, entry.data["code"]) == (True, pending.pk, "SAML_INVALID")
    assert told(acme.pk) == []


def test_a_session_of_somebody_else_ends_in_the_trail_before_another_begins(
    visitor: Browser, nora: User, bob: User, acme: Organization
) -> None:
    visitor.cookies = session_of(bob).cookies
    sign_in(visitor)
    verbs = [(entry.action.removeprefix(SESSION), entry.target) for entry in audited(acme.pk)[-2:]]
    assert verbs == [("end", bob.pk), ("begin", nora.pk)]


def test_a_reset_while_signed_in_ends_that_session(visitor: Browser, nora: User, acme: Organization) -> None:
    sign_in(visitor)
    visitor.post("/reset/", {"email": EMAIL})
    link = mailed_link()
    assert visitor.post(link, {"password": "another heron, another pond"}).status_code == 302
    assert last(acme.pk).action == f"{SESSION}end"


@pytest.mark.parametrize("verb", ["begin", "confirm", "end", "refuse"])
def test_every_entry_has_words(verb: str) -> None:
    assert action_words(f"{SESSION}{verb}") != f"Session {verb}"


def test_whoever_comes_from_a_wrong_network_is_told_to_that_organization_once(
    acme: Organization, alice: User, bob: User
) -> None:
    _, secret = make(alice, acme)
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(allowed_networks=["192.0.2.0/24"])
    client = session_of(bob)
    for _ in range(3):
        client.get(f"/o/{acme.pk}/members/")
        client.get(f"/api/v1/organizations/{acme.pk}")
        assert call(secret) == 401
    refused = [(entry.action, entry.target, entry.data["code"]) for entry in audited(acme.pk) if entry.refused]
    assert refused == [
        (f"{SESSION}refuse", bob.pk, "ADDRESS_NOT_ALLOWED"),
        ("organizations.api_key.refuse", refused[1][1], "ADDRESS_NOT_ALLOWED"),
    ]
    assert refused[1][1].startswith("key_")

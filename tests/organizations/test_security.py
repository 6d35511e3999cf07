"""The page and API by which an organization says what it demands: bounds, lock-out, audit, and what closes."""

import time
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, Invalid
from organizations.access import NotConfirmed
from organizations.actions import security
from organizations.models import Connection, Organization, User
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, add_oidc, audited
from tests.organizations.oidc_idp import OidcIdp

OFFICE = "192.0.2.7"


def asker(user: User, organization: Organization, *, factor: bool = True) -> Actor:
    """Somebody in the office who proved who they are just now."""
    return replace(
        actor_for(user),
        address=OFFICE,
        proofs=((organization.pk, "account"),),
        second_factor=frozenset({organization.pk} if factor else ()),
        confirmed=True,
    )


def change(user: User, organization: Organization, **what: Any) -> Organization:
    by = what.pop("by", None) or asker(user, organization)
    with rls.acting_as(by.rls_actor):
        return security.change(by=by, organization=organization, **what)


def published(topic: str) -> list[dict[str, Any]]:
    with all_rows():
        return [message.payload for message in Message.objects.filter(topic=topic)]


def test_a_change_is_kept_and_audited_with_before_and_after(acme: Organization, alice: User) -> None:
    change(alice, acme, allowed_networks=["192.0.2.0/24", " 2001:DB8::/32 ", "192.0.2.0/24"], idle_minutes=30)
    entry = audited(acme.pk)[-1]
    assert entry.action == "organizations.entry.change"
    networks = ["192.0.2.0/24", "2001:db8::/32"]
    assert entry.data == {
        "before": {"allowed_networks": [], "idle_minutes": None},
        "after": {"allowed_networks": networks, "idle_minutes": 30},
    }
    with all_rows():
        kept = Organization.objects.get(pk=acme.pk)
    assert (kept.allowed_networks, kept.idle_minutes) == (networks, 30)
    change(alice, acme, idle_minutes=30)
    assert audited(acme.pk)[-1].pk == entry.pk


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"idle_minutes": 4}, "idle_minutes"),
        ({"idle_minutes": 721}, "idle_minutes"),
        ({"session_minutes": 14}, "session_minutes"),
        ({"session_minutes": 721}, "session_minutes"),
        ({"session_minutes": 30, "idle_minutes": 31}, "idle_minutes"),
        ({"allowed_networks": ["192.0.2.1/24"]}, "allowed_networks"),
        ({"allowed_networks": ["::ffff:192.0.2.0/120"]}, "allowed_networks"),
        ({"allowed_networks": ["192.0.2.0/24"] * 101}, "allowed_networks"),
        ({"allowed_networks": ["198.51.100.0/24"]}, "allowed_networks"),
    ],
)
def test_what_can_not_be_is_refused_by_field_and_changes_nothing(
    acme: Organization, alice: User, what: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        change(alice, acme, **what)
    assert refusal.value.field == field
    with all_rows():
        kept = Organization.objects.get(pk=acme.pk)
    assert (kept.allowed_networks, kept.idle_minutes, kept.session_minutes) == ([], None, None)


def test_every_bad_network_is_named_by_its_line(acme: Organization, alice: User) -> None:
    with pytest.raises(Invalid) as refusal:
        change(alice, acme, allowed_networks=["192.0.2.0/24", "", "office", "192.0.2.9/24"])
    lines = [error.message for error in refusal.value.errors]
    assert [line.partition(":")[0] for line in lines] == ["Line 3", "Line 4"]
    assert "the network is 192.0.2.0/24, the address 192.0.2.9/32" in lines[1]


@pytest.mark.parametrize("address", ["198.51.100.9", ""])
def test_nobody_shuts_themselves_out_by_networks_and_is_told_their_own_address(
    acme: Organization, alice: User, address: str
) -> None:
    by = replace(asker(alice, acme), address=address)
    with pytest.raises(Invalid) as refusal:
        change(alice, acme, by=by, allowed_networks=["192.0.2.0/24"])
    assert refusal.value.code == "WOULD_SHUT_YOU_OUT"
    assert (address or "not known") in refusal.value.detail


def test_nobody_shuts_themselves_out_by_a_factor_that_they_have_not_shown(acme: Organization, alice: User) -> None:
    with pytest.raises(Invalid) as refusal:
        change(alice, acme, by=asker(alice, acme, factor=False), require_second_factor=True)
    assert (refusal.value.code, refusal.value.field) == ("WOULD_SHUT_YOU_OUT", "require_second_factor")


def test_only_an_owner_who_confirmed_it_changes_it(acme: Organization, alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        change(bob, acme, by=asker(bob, acme), idle_minutes=30)
    unconfirmed = replace(asker(alice, acme), confirmed=False)
    for act in (
        lambda: security.change(by=unconfirmed, organization=acme, idle_minutes=30),
        lambda: security.sign_everybody_out(by=unconfirmed, organization=acme),
        lambda: security.trust_second_factor(by=unconfirmed, organization=acme, connection_id="x", trusted=True),
    ):
        with rls.acting_as(unconfirmed.rls_actor), pytest.raises(NotConfirmed):
            act()


STRICTER = [
    ({}, {"require_second_factor": True}),
    ({}, {"allowed_networks": ["192.0.2.0/24"]}),
    ({"allowed_networks": ["192.0.2.0/24", "198.51.100.0/24"]}, {"allowed_networks": ["192.0.2.0/24"]}),
    ({}, {"session_minutes": 60}),
    ({"idle_minutes": 30}, {"idle_minutes": 15}),
]
LOOSER = [
    ({"require_second_factor": True}, {"require_second_factor": False}),
    ({"allowed_networks": ["192.0.2.0/24"]}, {"allowed_networks": []}),
    ({"allowed_networks": ["192.0.2.0/24"]}, {"allowed_networks": ["192.0.2.0/24", "198.51.100.0/24"]}),
    ({"session_minutes": 60}, {"session_minutes": None}),
    ({"idle_minutes": 15}, {"idle_minutes": 30}),
]


@pytest.mark.parametrize(("before", "after"), STRICTER)
def test_what_becomes_stricter_closes_what_is_open_at_the_edge(
    acme: Organization, alice: User, before: dict[str, Any], after: dict[str, Any]
) -> None:
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(**before)
    change(alice, acme, **after)
    (fact,) = published("organizations.entry.demanded")
    assert (fact["organization"], fact["organizations"]) == (acme.pk, [acme.pk])


@pytest.mark.parametrize(("before", "after"), LOOSER)
def test_what_becomes_looser_closes_nothing(
    acme: Organization, alice: User, before: dict[str, Any], after: dict[str, Any]
) -> None:
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(**before)
    change(alice, acme, **after)
    assert published("organizations.entry.demanded") == []


def test_what_an_msp_demands_closes_what_its_people_opened_at_clients_too(
    acme: Organization, msp: Organization, paula: User
) -> None:
    change(paula, msp, require_second_factor=True)
    (fact,) = published("organizations.grant.entry_demanded")
    assert fact["organizations"] == [acme.pk]
    assert fact["grant"].startswith("grant_")


def test_everybody_is_signed_out_the_asker_too_and_comes_back_by_signing_in(
    acme: Organization, msp: Organization, alice: User, bob: User, maria: User
) -> None:
    browsers = [session_of(alice), session_of(bob), session_of(maria, working_in=acme)]
    address = f"/o/{acme.pk}/members/"
    assert [browser.get(address).status_code for browser in browsers] == [200, 200, 200]
    assert browsers[0].post(f"/o/{acme.pk}/security/sign-out/")["Location"] == f"/o/{acme.pk}/security/"
    assert [browser.get(address).status_code for browser in browsers] == [302, 302, 302]
    assert browsers[2].get(f"/o/{msp.pk}/members/").status_code == 200
    assert len(published("organizations.entry.demanded")) == 1
    assert audited(acme.pk)[-1].action == "organizations.organization.sign_out"
    kept = browsers[1].session
    kept["proofs"] = {"platform": int(time.time()) + 1}
    kept.save()
    assert browsers[1].get(address).status_code == 200


@pytest.fixture
def own(acme: Organization, alice: User, web: dict[str, Any]) -> Connection:
    idp = OidcIdp(issuer="https://login.acme.example")
    web[idp.host] = idp.answer
    return add_oidc(actor_for(alice), acme, idp)


def trust(user: User, organization: Organization, connection: Connection, **what: Any) -> Connection:
    by = what.pop("by", None) or asker(user, organization)
    with rls.acting_as(by.rls_actor):
        return security.trust_second_factor(by=by, organization=organization, connection_id=connection.pk, **what)


def test_trust_in_a_provider_is_audited_and_its_end_closes_what_came_by_it(
    acme: Organization, alice: User, own: Connection
) -> None:
    change(alice, acme, require_second_factor=True)
    trust(alice, acme, own, trusted=True)
    assert published("organizations.connection.second_factor_distrusted") == []
    trust(alice, acme, own, trusted=True, values=["mfa", "mfa", ""])
    entry = audited(acme.pk)[-1]
    assert entry.action == "organizations.connection.trust_second_factor"
    assert (entry.data["before"], entry.data["after"]) == ("always", "where the answer says mfa")
    (fact,) = published("organizations.connection.second_factor_distrusted")
    assert fact["connection"] == own.pk


def test_nobody_takes_away_the_trust_that_lets_themselves_in(acme: Organization, alice: User, own: Connection) -> None:
    trust(alice, acme, own, trusted=True)
    change(alice, acme, require_second_factor=True)
    by = replace(asker(alice, acme), proofs=((acme.pk, own.pk),))
    with pytest.raises(Conflict):
        trust(alice, acme, own, by=by, trusted=False)


def test_the_api_reads_and_changes_the_same(acme: Organization, alice: User, own: Connection, rival: Any) -> None:
    client = session_of(alice)
    address = f"/api/v1/organizations/{acme.pk}/security"
    shown = client.get(address).json()
    assert shown["connections"] == [{"id": own.pk, "second_factor": "never", "values": []}]
    assert shown["your_address"] == "127.0.0.1"
    trusts = [{"id": own.pk, "second_factor": "said", "values": ["mfa"]}]
    body = {"allowed_networks": ["127.0.0.0/8"], "session_minutes": 60, "connections": trusts}
    changed = client.patch(address, body, content_type="application/json").json()
    assert (changed["allowed_networks"], changed["session_minutes"]) == (["127.0.0.0/8"], 60)
    assert changed["connections"] == trusts
    assert client.post(f"{address}/sign-out").status_code == 204
    assert client.get(address).json()["code"] == "SIGN_IN_NEEDED"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"allowed_networks": ["10.0.0.0/8"]}, "allowed_networks"),
        ({"allowed_networks": ["x"]}, "allowed_networks"),
        ({"allowed_networks": "10.0.0.0/8"}, "allowed_networks"),
        ({"idle_minutes": 10**12}, "idle_minutes"),
        ({"idle_minutes": "soon"}, "idle_minutes"),
        ({"require_second_factor": True}, "require_second_factor"),
        ({"connections": [{"id": "conn_x", "second_factor": "always"}]}, "connections.0.id"),
        ({"connections": [{"id": "conn_x", "second_factor": "said"}]}, "connections.0.values"),
    ],
)
def test_the_api_names_the_field_that_is_wrong(
    acme: Organization, alice: User, body: dict[str, Any], field: str
) -> None:
    answer = session_of(alice).patch(f"/api/v1/organizations/{acme.pk}/security", body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_the_page_shows_errors_by_line_and_keeps_what_was_typed(acme: Organization, alice: User) -> None:
    client = session_of(alice)
    page = client.post(f"/o/{acme.pk}/security/", {"allowed_networks": "127.0.0.0/8\noffice", "idle_minutes": "3"})
    assert page.status_code == 422
    assert "idle_minutes" in page.context["form"].errors
    page = client.post(f"/o/{acme.pk}/security/", {"allowed_networks": "127.0.0.0/8\noffice"})
    text = page.content.decode()
    assert "Line 2: “office” is no network" in text
    assert "127.0.0.0/8\noffice" in text


def test_the_page_saves_and_asks_a_session_to_confirm(acme: Organization, alice: User, visitor: Browser) -> None:
    client = session_of(alice)
    address = f"/o/{acme.pk}/security/"
    assert client.post(address, {"allowed_networks": "127.0.0.0/8", "session_minutes": "60"}).status_code == 302
    kept = client.session
    kept["proofs"] = {"platform": kept["proofs"]["platform"] - 700}
    kept.save()
    led = client.post(address, {}, headers={"referer": f"http://testserver{address}"})
    assert led["Location"].startswith("/confirm/?next=%2Fo%2F")
    with all_rows():
        assert Organization.objects.get(pk=acme.pk).allowed_networks == ["127.0.0.0/8"]


def test_a_key_changes_it_within_its_scopes_and_from_its_network(acme: Organization, alice: User) -> None:
    from tests.organizations.test_keys import make

    _, secret = make(alice, acme, scopes=["organization.manage"])
    client = Client(headers={"authorization": f"Bearer {secret}"})
    address = f"/api/v1/organizations/{acme.pk}/security"
    refused = client.patch(address, {"allowed_networks": ["10.0.0.0/8"]}, content_type="application/json")
    assert refused.json()["code"] == "WOULD_SHUT_YOU_OUT"
    taken = client.patch(address, {"allowed_networks": ["127.0.0.0/8"]}, content_type="application/json")
    assert taken.status_code == 200

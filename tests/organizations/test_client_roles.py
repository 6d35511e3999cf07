"""Members of an MSP with roles over sets of its clients: computed at each use, on both databases."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Access, Message
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import queries
from organizations.access import NotConfirmed
from organizations.actions import client_roles, custom_roles, invitations, offboarding
from organizations.actions.client_roles import WantedSet
from organizations.models import ClientRole, CustomRole, Grant, Membership, Organization, User
from organizations.standings import permissions_of
from tests.cast import actor_for, found_client, join, person, role_of, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited


@pytest.fixture
def bolt(msp: Organization, acme: Organization, paula: User, alice: User) -> Organization:
    return found_client(msp, paula, alice, "Bolt")


def membership_of(user: User, organization: Organization) -> Membership:
    with all_rows():
        return Membership.objects.get(user=user, organization=organization)


def limit(msp: Organization, by: User, user: User, *sets: WantedSet) -> None:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        client_roles.set_client_roles(by=actor, msp=msp, membership_id=membership_of(user, msp).pk, sets=sets)


def roles(user: User, *clients: Organization) -> list[str | None]:
    with rls.acting_as(f"user:{user.pk}"):
        return [role_of(actor_for(user), client) for client in clients]


def rows(user: User) -> set[str]:
    """Organizations that the database lets a person see."""
    with all_rows():
        return set(Access.objects.filter(actor=f"user:{user.pk}").values_list("organization_id", flat=True))


def test_a_set_of_clients_is_reached_and_no_other(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    assert roles(maria, acme, bolt) == ["operator", "operator"]
    limit(msp, paula, maria, WantedSet("viewer", "only", [acme.pk]))
    assert roles(maria, acme, bolt) == ["viewer", None]
    assert rows(maria) == {msp.pk, acme.pk}
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        assert list(queries.clients_of(actor, msp)) == [acme]
        assert set(queries.visible_to(actor)) == {msp, acme}
    assert session_of(maria).get(f"/o/{bolt.pk}/").status_code == 404
    with all_rows():
        assert Message.objects.filter(topic="organizations.membership.role_changed").exists()


def test_all_but_some_has_a_client_that_comes_later_and_these_alone_do_not(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User, alice: User
) -> None:
    limit(msp, paula, maria, WantedSet("operator", "except", [acme.pk]))
    assert roles(maria, acme, bolt) == [None, "operator"]
    later = found_client(msp, paula, alice, "Cargo")
    assert roles(maria, later) == ["operator"]
    assert rows(maria) == {msp.pk, bolt.pk, later.pk}
    limit(msp, paula, maria, WantedSet("operator", "only", [acme.pk]))
    newest = found_client(msp, paula, alice, "Dock")
    assert roles(maria, acme, newest) == ["operator", None]
    assert rows(maria) == {msp.pk, acme.pk}


def test_of_several_sets_the_better_counts_and_the_clients_ceiling_above_all(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    limit(msp, paula, maria, WantedSet("viewer", "all"), WantedSet("admin", "only", [acme.pk]))
    assert roles(maria, acme, bolt) == ["operator", "viewer"]


def test_without_sets_a_member_has_their_role_everywhere_again(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    limit(msp, paula, maria, WantedSet("viewer", "only", [acme.pk]))
    limit(msp, paula, maria)
    assert roles(maria, acme, bolt) == ["operator", "operator"]
    assert rows(maria) == {msp.pk, acme.pk, bolt.pk}
    entry = audited(msp.pk)[-1]
    assert (entry.action, entry.data["after"]) == ("organizations.client_roles.change", [])
    assert entry.data["before"] == [{"role": "viewer", "reach": "only", "clients": [acme.pk]}]


def test_the_access_table_follows_sets_grants_and_memberships_also_by_raw_sql(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    from django.db import connection

    limit(msp, paula, maria, WantedSet("viewer", "only", [acme.pk]))
    with all_rows(), connection.cursor() as cursor:
        cursor.execute("UPDATE organizations_clientrole SET reach = 'except'")
    assert rows(maria) == {msp.pk, bolt.pk}
    with all_rows():
        Grant.objects.filter(client=bolt).update(state="withdrawn")
    assert rows(maria) == {msp.pk}
    with all_rows():
        Grant.objects.filter(client=bolt).update(state="active")
        Membership.objects.filter(user=maria).update(role="admin")
    assert rows(maria) == {msp.pk, bolt.pk}
    with all_rows():
        Membership.objects.filter(user=maria).update(blocked_at=timezone.now())
    assert rows(maria) == set()
    with all_rows():
        Membership.objects.filter(user=maria).update(blocked_at=None)
        ClientRole.objects.all().delete()
    assert rows(maria) == {msp.pk, acme.pk, bolt.pk}
    with all_rows():
        Membership.objects.filter(user=maria).delete()
    assert rows(maria) == set()


def test_the_access_table_knows_when_an_unreviewed_grant_lapses(acme: Organization, maria: User) -> None:
    reviewed = timezone.now() - dt.timedelta(days=30, minutes=1)
    with all_rows():
        Grant.objects.filter(client=acme).update(review_at=reviewed)
        row = Access.objects.get(actor=f"user:{maria.pk}", organization_id=acme.pk)
    assert abs(row.ends_at - (reviewed + dt.timedelta(days=30))) < dt.timedelta(seconds=1)


@pytest.mark.postgres
def test_row_security_shows_nothing_of_a_client_outside_the_sets(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    limit(msp, paula, maria, WantedSet("operator", "except", [acme.pk]))
    with rls.acting_as(f"user:{maria.pk}"):
        assert not Organization.objects.filter(pk=acme.pk).exists()
        assert not Membership.objects.filter(organization=acme).exists()


def test_who_is_limited_can_not_let_themselves_or_a_friend_into_every_client(
    acme: Organization, bolt: Organization, msp: Organization, paula: User
) -> None:
    adam = person("adam")
    join(msp, invited_by=paula, user=adam, role="admin")
    limit(msp, paula, adam, WantedSet("admin", "only", [acme.pk]))
    actor = actor_for(adam)
    with rls.acting_as(actor.rls_actor):
        held = permissions_of(actor, msp)
        assert "tenant.view" in held
        assert not held & {"member.manage", "client.manage", "sso.manage", "organization.manage"}
        with pytest.raises(Forbidden):
            invitations.invite(by=actor, organization=msp, email="friend@example.test", role="admin")
    with pytest.raises(Forbidden):
        limit(msp, adam, adam)


def test_an_owner_is_never_limited_also_one_who_was_limited_before(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    with pytest.raises(Conflict) as refusal:
        limit(msp, paula, paula, WantedSet("viewer", "all"))
    assert refusal.value.code == "OWNER_NOT_LIMITED"
    limit(msp, paula, maria, WantedSet("viewer", "only", [acme.pk]))
    with all_rows():
        Membership.objects.filter(user=maria).update(role="owner")
    assert roles(maria, acme, bolt) == ["operator", "operator"]
    assert rows(maria) == {msp.pk, acme.pk, bolt.pk}


def test_only_an_msps_administrators_give_sets_and_not_beyond_themselves(
    acme: Organization, msp: Organization, paula: User, maria: User, alice: User, mallory: User
) -> None:
    adam = person("adam")
    join(msp, invited_by=paula, user=adam, role="admin")
    everything = WantedSet("owner", "all")
    for user, error in ((maria, Forbidden), (alice, NotFound), (mallory, NotFound), (adam, Forbidden)):
        with pytest.raises(error):
            limit(msp, user, maria, everything)
    stale = replace(actor_for(paula), confirmed=False)
    with rls.acting_as(stale.rls_actor), pytest.raises(NotConfirmed):
        client_roles.set_client_roles(by=stale, msp=msp, membership_id=membership_of(maria, msp).pk, sets=[])


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("role", {"role": "emperor", "reach": "all"}),
        ("reach", {"role": "viewer", "reach": "some"}),
        ("clients", {"role": "viewer", "reach": "only"}),
        ("clients", {"role": "viewer", "reach": "except", "clients": ["org_" + "a" * 20]}),
    ],
)
def test_a_set_is_checked(
    field: str, wanted: dict[str, Any], acme: Organization, msp: Organization, paula: User, maria: User
) -> None:
    with pytest.raises(Invalid) as refusal:
        limit(msp, paula, maria, WantedSet(**wanted))
    assert refusal.value.field == field


def test_an_api_key_of_a_limited_member_is_limited_too(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    limit(msp, paula, maria, WantedSet("operator", "only", [acme.pk]))
    key = replace(
        actor_for(maria),
        kind="api_key",
        key_id="key_x",
        session_id=None,
        scopes=frozenset({"tenant.view"}),
        organization_id=msp.pk,
    )
    with rls.acting_as(key.rls_actor):
        assert permissions_of(key, acme) == {"tenant.view"}
        assert not permissions_of(key, bolt)


def test_a_client_that_is_an_msp_does_not_show_its_own_clients_to_its_msp(
    acme: Organization, msp: Organization, rival: Organization, maria: User
) -> None:
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(kind="msp")
        Grant.objects.create(msp=acme, client=rival, review_at=timezone.now())
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        assert list(queries.clients_of(actor, acme)) == []
        assert role_of(actor, rival) is None


def test_the_page_adds_and_takes_away_sets(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    browser, page = session_of(paula), f"/o/{msp.pk}/members/{membership_of(maria, msp).pk}/clients/"
    assert "in every client" in browser.get(page).content.decode()
    assert browser.post(page, {"role": "viewer", "reach": "only", "clients": [acme.pk]}).status_code == 302
    shown = browser.get(page).content.decode()
    assert "Only these" in shown
    assert roles(maria, acme, bolt) == ["viewer", None]
    refused = browser.post(page, {"role": "viewer", "reach": "except"})
    assert refused.status_code == 422
    assert "Choose at least one client" in refused.content.decode()
    with all_rows():
        made = ClientRole.objects.get()
    assert browser.post(f"{page}{made.pk}/remove/").status_code == 302
    assert roles(maria, acme, bolt) == ["operator", "operator"]


def test_the_api_reads_and_sets_them(acme: Organization, msp: Organization, paula: User, maria: User) -> None:
    browser, path = session_of(paula), f"/api/v1/organizations/{msp.pk}/members/{membership_of(maria, msp).pk}/clients"
    wanted = {"sets": [{"role": "viewer", "reach": "except", "clients": [acme.pk]}]}
    answer = browser.put(path, wanted, content_type="application/json")
    assert answer.status_code == 200
    assert browser.get(path).json()["sets"][0]["reach"] == "except"
    wrong = browser.put(path, {"sets": [{"role": "viewer", "reach": "x"}]}, content_type="application/json")
    assert wrong.status_code == 422


def test_a_role_of_the_msps_own_counts_in_a_set_and_is_nothing_once_it_is_gone(
    acme: Organization, bolt: Organization, msp: Organization, paula: User, maria: User
) -> None:
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        own = custom_roles.create(by=actor, organization=msp, name="Night watch", permissions=["tenant.view"])
    limit(msp, paula, maria, WantedSet(own.pk, "only", [acme.pk]))
    limited = actor_for(maria)
    with rls.acting_as(limited.rls_actor):
        assert permissions_of(limited, acme) == {"tenant.view"}
        assert set(queries.visible_to(limited, "tenant.view")) == {msp, acme}
        assert set(queries.visible_to(limited, "agent.view")) == {msp}
    shown = session_of(paula).get(f"/o/{msp.pk}/members/{membership_of(maria, msp).pk}/clients/").content.decode()
    assert "Night watch" in shown
    with rls.acting_as(actor.rls_actor), pytest.raises(Conflict) as refusal:
        custom_roles.delete(by=actor, organization=msp, role_id=own.pk)
    assert "1 set of clients (Maria)" in str(refusal.value)
    with all_rows():
        CustomRole.objects.all().delete()
    with rls.acting_as(limited.rls_actor):
        assert not permissions_of(limited, acme)


def test_a_member_with_a_role_of_the_msps_own_is_limited_and_offboarded_like_others(
    acme: Organization, msp: Organization, paula: User, maria: User
) -> None:
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        own = custom_roles.create(by=actor, organization=msp, name="Night watch", permissions=["tenant.view"])
    with all_rows():
        Membership.objects.filter(user=maria).update(role=own.pk)
    limit(msp, paula, maria, WantedSet("viewer", "only", [acme.pk]))
    assert roles(maria, acme) == ["viewer"]
    with rls.acting_as(actor.rls_actor):
        offboarding.offboard(by=actor, msp=msp, membership_id=membership_of(maria, msp).pk)
    assert roles(maria, acme) == [None]

"""An MSP founds clients and acts for them as far and as long as they let it."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import queries
from organizations.actions import clients, grants
from organizations.models import Grant, Organization, User
from tests.cast import actor_for, join, role_of
from tests.database import all_rows
from tests.organizations.conftest import audited


def grant_over(client: Organization) -> Grant:
    with all_rows():
        return Grant.objects.get(client=client)


def test_a_client_is_founded_with_a_standing_grant_that_is_to_be_reviewed(msp: Organization, paula: User) -> None:
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        client = clients.create_client(by=actor, msp=msp, name="  Dunmore   Council ")
        assert role_of(actor, client) == "admin"
        assert list(queries.clients_of(actor, msp)) == [client]
    grant = grant_over(client)
    assert client.name == "Dunmore Council"
    assert grant.ends_at is None
    assert grant.review_at > timezone.now() + dt.timedelta(days=179)
    for organization in (client, msp):
        assert "organizations.grant.create" in [entry.action for entry in audited(organization.pk)]


def test_only_an_msps_managers_found_clients(
    acme: Organization, msp: Organization, alice: User, maria: User, mallory: User
) -> None:
    for user, organization, error in (
        (maria, msp, Forbidden),
        (alice, acme, Forbidden),
        (mallory, msp, NotFound),
    ):
        actor = actor_for(user)
        with rls.acting_as(actor.rls_actor), pytest.raises(error):
            clients.create_client(by=actor, msp=organization, name="Stolen")


@pytest.mark.parametrize("name", ["", " ", "x", "y" * 121, "bell\a"])
def test_a_clients_name_is_checked(msp: Organization, paula: User, name: str) -> None:
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor), pytest.raises(Invalid) as refusal:
        clients.create_client(by=actor, msp=msp, name=name)
    assert refusal.value.field == "name"


@pytest.mark.parametrize("side", ["alice", "paula"])
def test_either_side_ends_the_access_at_once_and_both_trails_tell(
    side: str, acme: Organization, msp: Organization, alice: User, paula: User, maria: User
) -> None:
    actor = actor_for({"alice": alice, "paula": paula}[side])
    with rls.acting_as(actor.rls_actor):
        grants.withdraw(by=actor, grant=queries.grant(actor, grant_over(acme).pk))
    with rls.acting_as(f"user:{maria.pk}"):
        assert role_of(actor_for(maria), acme) is None
    with all_rows():
        fact = Message.objects.get(topic="organizations.grant.ended")
    assert (fact.payload["grant"], fact.payload["organizations"]) == (grant_over(acme).pk, [acme.pk])
    for organization in (acme, msp):
        assert audited(organization.pk)[-1].action == "organizations.grant.withdraw"


def test_ending_it_again_changes_nothing(acme: Organization, alice: User) -> None:
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        grant = queries.grant(actor, grant_over(acme).pk)
        first = grants.withdraw(by=actor, grant=grant).withdrawn_at
        assert grants.withdraw(by=actor, grant=grant).withdrawn_at == first
    with all_rows():
        assert Message.objects.filter(topic="organizations.grant.ended").count() == 1


def test_an_operator_of_either_side_and_a_stranger_do_not_decide(
    acme: Organization, bob: User, maria: User, mallory: User
) -> None:
    grant = grant_over(acme)
    for user, error in ((bob, Forbidden), (maria, Forbidden), (mallory, NotFound)):
        actor = actor_for(user)
        with rls.acting_as(actor.rls_actor), pytest.raises(error):
            grants.withdraw(by=actor, grant=grant)


def test_a_grant_is_narrowed_and_never_widened(acme: Organization, alice: User, maria: User) -> None:
    actor, soon = actor_for(alice), timezone.now() + dt.timedelta(hours=1)
    with rls.acting_as(actor.rls_actor):
        grant = grants.limit_grant(by=actor, grant=grant_over(acme), role_ceiling="viewer", ends_at=soon)
        for wider in ({"role_ceiling": "admin"}, {"ends_at": soon + dt.timedelta(hours=1)}):
            with pytest.raises(Forbidden):
                grants.limit_grant(by=actor, grant=grant, **wider)
    with rls.acting_as(f"user:{maria.pk}"):
        assert role_of(actor_for(maria), acme) == "viewer"
    with all_rows():
        assert Message.objects.filter(topic="organizations.grant.limited").exists()
    for organization_id in (acme.pk, grant.msp_id):
        entry = audited(organization_id)[-1]
        assert (entry.action, entry.data["role_ceiling"]) == ("organizations.grant.limit", "viewer")


def test_an_ended_grant_can_not_be_limited(acme: Organization, alice: User) -> None:
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        grants.withdraw(by=actor, grant=grant_over(acme))
        with pytest.raises(Conflict):
            grants.limit_grant(by=actor, grant=grant_over(acme), role_ceiling="viewer")


def test_who_is_in_the_client_only_by_the_grant_does_not_decide_in_its_name(msp: Organization, paula: User) -> None:
    """paula may end what her MSP holds, as the MSP; the trail must not say that the client did."""
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        client = clients.create_client(by=actor, msp=msp, name="Owned", role_ceiling="owner")
        grants.withdraw(by=actor, grant=grant_over(client))
    assert audited(client.pk)[-1].data["side"] == "msp"


def test_an_msp_does_not_see_the_clients_of_another(msp: Organization, acme: Organization, mallory: User) -> None:
    with all_rows():
        Organization.objects.filter(pk=msp.pk).update(kind="msp")
    actor = actor_for(mallory)
    with rls.acting_as(actor.rls_actor), pytest.raises(NotFound):
        queries.clients_of(actor, msp)


def test_a_new_member_of_the_msp_reaches_its_clients(
    msp: Organization, acme: Organization, paula: User, mallory: User
) -> None:
    join(msp, invited_by=paula, user=mallory, role="viewer")
    with rls.acting_as(f"user:{mallory.pk}"):
        assert role_of(actor_for(mallory), acme) == "viewer"

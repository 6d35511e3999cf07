"""Roles are data, and what is left of them under a grant, a key or an unproven session."""

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Forbidden, NotFound
from organizations import access, queries
from organizations.models import Grant, Membership, Organization, User
from organizations.permissions import PERMISSIONS, ROLES, Role, largest_role_within, may_hand_out
from organizations.standings import Standing, may, standing_of
from tests.cast import actor_for
from tests.database import all_rows


def standing(user: User, organization: Organization, **changes: object) -> Standing | None:
    actor = replace(actor_for(user), **changes)
    with rls.acting_as(actor.rls_actor):
        return standing_of(actor, organization)


def test_there_are_five_roles_and_each_knows_only_known_permissions() -> None:
    assert set(ROLES) == set(Role.values)
    assert all(granted <= PERMISSIONS for granted in ROLES.values())
    assert ROLES["viewer"] < ROLES["operator"] < ROLES["admin"] < ROLES["owner"] == PERMISSIONS


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("owner", "organization.manage", None),
        ("admin", "member.manage", "organization.manage"),
        ("admin", "tenant.delete", "billing.manage"),
        ("operator", "token.create", "tenant.delete"),
        ("viewer", "tenant.view", "token.create"),
        ("billing", "billing.manage", "dashboard.open"),
    ],
)
def test_what_a_role_may_and_may_not(role: str, may: str, may_not: str | None) -> None:
    assert may in ROLES[role]
    assert may_not not in ROLES[role]


@pytest.mark.parametrize(
    ("own", "ceiling", "left"),
    [
        ("operator", "admin", "operator"),
        ("owner", "operator", "operator"),
        ("admin", "viewer", "viewer"),
        ("billing", "owner", "billing"),
        ("billing", "viewer", None),
        ("viewer", "billing", None),
    ],
)
def test_a_role_under_a_ceiling(own: str, ceiling: str, left: str | None) -> None:
    assert largest_role_within(ROLES[own] & ROLES[ceiling]) == left


def test_nobody_hands_out_more_than_they_have() -> None:
    assert may_hand_out(ROLES["admin"], "operator")
    assert not may_hand_out(ROLES["admin"], "owner")
    assert not may_hand_out(ROLES["operator"], "billing")


def test_members_stand_by_their_role(acme: Organization, alice: User, bob: User, vera: User, mallory: User) -> None:
    assert [standing(user, acme).role for user in (alice, bob, vera)] == ["owner", "operator", "viewer"]
    assert standing(mallory, acme) is None


def test_an_msps_people_stand_under_the_clients_ceiling(acme: Organization, maria: User, paula: User) -> None:
    with all_rows():
        grant = Grant.objects.get(client=acme)
    for user in (maria, paula):
        found = standing(user, acme)
        assert (found.role, found.grant_id, found.msp_id) == ("operator", grant.pk, grant.msp_id)
        assert "tenant.delete" not in found.permissions


def test_a_grant_that_has_ended_or_was_withdrawn_gives_nothing(acme: Organization, maria: User) -> None:
    with all_rows():
        Grant.objects.update(ends_at=timezone.now() - dt.timedelta(seconds=1))
    assert standing(maria, acme) is None
    with all_rows():
        Grant.objects.update(ends_at=None, state="withdrawn")
    assert standing(maria, acme) is None


def test_grants_are_not_transitive(acme: Organization, rival: Organization, maria: User) -> None:
    """acme manages nobody; even if a grant from rival to acme existed, maria must not reach rival through two."""
    with all_rows():
        Grant.objects.create(msp=acme, client=rival, review_at=timezone.now())
    assert standing(maria, rival) is None


def test_who_is_member_and_msp_staff_stands_by_the_better_of_both(acme: Organization, maria: User) -> None:
    with all_rows():
        Membership.objects.create(user=maria, organization=acme, role="admin")
    found = standing(maria, acme)
    assert (found.role, found.grant_id) == ("admin", None)


def test_a_session_counts_only_where_it_was_proven(acme: Organization, msp: Organization, maria: User) -> None:
    assert standing(maria, acme, proofs=()) is None
    assert standing(maria, acme, proofs=((acme.pk, "platform"),)) is None
    found = standing(maria, acme, proofs=((msp.pk, "conn_own"),))
    assert (found.role, found.connection_id) == ("operator", "conn_own")


def test_a_key_reaches_its_organization_and_that_ones_clients_within_its_scopes(
    acme: Organization, msp: Organization, maria: User
) -> None:
    key = {"kind": "api_key", "key_id": "key_x", "scopes": frozenset({"tenant.view", "tenant.delete"})}
    assert standing(maria, acme, **key, organization_id=msp.pk).permissions == {"tenant.view"}
    assert standing(maria, acme, **key, organization_id=acme.pk) is None


def test_an_organization_that_waits_for_its_first_sign_in_lets_nobody_in(acme: Organization, alice: User) -> None:
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(state="pending")
    assert standing(alice, acme) is None


def test_require_tells_a_stranger_nothing_and_a_member_what_is_missing(
    acme: Organization, vera: User, mallory: User
) -> None:
    for user, error in ((mallory, NotFound), (vera, Forbidden)):
        actor = actor_for(user)
        with rls.acting_as(actor.rls_actor), pytest.raises(error):
            access.require(actor, "tenant.delete", acme)


def test_the_system_stands_in_the_organization_it_works_for(acme: Organization, msp: Organization) -> None:
    worker = Actor.system("test", organization_id=acme.pk)
    assert may(worker, "tenant.delete", acme)
    assert not may(worker, "tenant.view", msp)


def test_everybody_sees_their_own_organizations_and_clients(
    acme: Organization, msp: Organization, rival: Organization, alice: User, maria: User, mallory: User
) -> None:
    for user, seen in ((alice, {acme.pk}), (maria, {acme.pk, msp.pk}), (mallory, {rival.pk})):
        actor = actor_for(user)
        with rls.acting_as(actor.rls_actor):
            assert set(queries.visible_to(actor).values_list("pk", flat=True)) == seen
    with rls.acting_as(f"user:{mallory.pk}"), pytest.raises(NotFound):
        queries.find(actor_for(mallory), acme.pk)

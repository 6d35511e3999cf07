"""Inviting people, changing what they may do, and ending their membership."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.actions import invitations, keys, members
from organizations.models import ApiKey, Invitation, Membership, Organization, User
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.conftest import audited


def membership(user: User, organization: Organization) -> Membership:
    with all_rows():
        return Membership.objects.get(user=user, organization=organization)


def change(by: User, of: User, organization: Organization, role: str) -> Membership:
    actor = actor_for(by)
    target = membership(of, organization).pk
    with rls.acting_as(actor.rls_actor):
        return members.change_role(by=actor, organization=organization, membership_id=target, role=role)


def remove(by: User, of: User, organization: Organization) -> None:
    actor = actor_for(by)
    target = membership(of, organization).pk
    with rls.acting_as(actor.rls_actor):
        members.remove(by=actor, organization=organization, membership_id=target)


def invite(by: User, organization: Organization, email: str, role: str = "viewer") -> Invitation:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return invitations.invite(by=actor, organization=organization, email=email, role=role)


def facts(topic: str) -> list[Message]:
    with all_rows():
        return list(Message.objects.filter(topic=topic))


def test_a_role_change_is_audited_and_published(acme: Organization, msp: Organization, alice: User, bob: User) -> None:
    assert change(alice, bob, acme, "viewer").role == "viewer"
    entry = audited(acme.pk)[-1]
    assert entry.action == "organizations.membership.change_role"
    assert entry.data == {"before": "operator", "after": "viewer"}
    (fact,) = facts("organizations.membership.role_changed")
    assert (fact.payload["user"], fact.payload["organizations"]) == (bob.pk, [acme.pk])


def test_a_change_that_changes_nothing_is_not_published(acme: Organization, alice: User, bob: User) -> None:
    change(alice, bob, acme, "operator")
    assert facts("organizations.membership.role_changed") == []


def test_the_end_of_a_membership_ends_keys_and_names_every_organization_it_reached(
    acme: Organization, msp: Organization, paula: User, maria: User
) -> None:
    change(paula, maria, msp, "admin")
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        keys.create(by=actor, organization=msp, name="x", scopes=["tenant.view"], expires_in=dt.timedelta(days=1))
    remove(paula, maria, msp)
    (fact,) = facts("organizations.membership.ended")
    assert fact.payload["organizations"] == sorted([msp.pk, acme.pk])
    assert fact.payload["user"] == maria.pk
    with all_rows():
        assert ApiKey.objects.get().revoked_at is not None
    assert len(facts("organizations.api_key.revoked")) == 1


def test_the_last_owner_can_not_be_lost(acme: Organization, alice: User, bob: User) -> None:
    for attempt in (lambda: change(alice, alice, acme, "admin"), lambda: remove(alice, alice, acme)):
        with pytest.raises(Conflict) as refusal:
            attempt()
        assert refusal.value.code == "LAST_OWNER"
    change(alice, bob, acme, "owner")
    remove(alice, alice, acme)
    with pytest.raises(Conflict):
        remove(bob, bob, acme)


def test_people_may_leave_without_being_allowed_to_manage_others(acme: Organization, vera: User) -> None:
    remove(vera, vera, acme)
    with all_rows():
        assert not Membership.objects.filter(user=vera).exists()


def test_an_admin_does_not_touch_an_owner_nor_make_one(acme: Organization, alice: User, bob: User, vera: User) -> None:
    change(alice, bob, acme, "admin")
    for attempt in (
        lambda: change(bob, alice, acme, "viewer"),
        lambda: change(bob, vera, acme, "owner"),
        lambda: remove(bob, alice, acme),
        lambda: invite(bob, acme, "new@example.test", "owner"),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_msp_staff_hands_out_no_more_than_the_clients_ceiling(acme: Organization, paula: User, vera: User) -> None:
    with pytest.raises(Forbidden):
        change(paula, vera, acme, "operator")


def test_strangers_find_nothing_and_viewers_may_not(acme: Organization, bob: User, vera: User, mallory: User) -> None:
    with pytest.raises(NotFound):
        change(mallory, bob, acme, "viewer")
    with pytest.raises(Forbidden):
        change(vera, bob, acme, "viewer")
    with pytest.raises(Forbidden):
        remove(vera, bob, acme)


def test_a_membership_of_another_organization_is_not_found(
    acme: Organization, rival: Organization, alice: User, mallory: User
) -> None:
    actor, foreign = actor_for(alice), membership(mallory, rival).pk
    with rls.acting_as(actor.rls_actor), pytest.raises(NotFound):
        members.remove(by=actor, organization=acme, membership_id=foreign)


@pytest.mark.parametrize("role", ["", "root", "Owner"])
def test_an_unknown_role_is_said_at_its_field(acme: Organization, alice: User, bob: User, role: str) -> None:
    with pytest.raises(Invalid) as refusal:
        change(alice, bob, acme, role)
    assert refusal.value.field == "role"


def test_inviting_tells_nothing_about_who_exists(acme: Organization, alice: User, mallory: User) -> None:
    known, unknown = invite(alice, acme, mallory.email), invite(alice, acme, "nobody@example.test")
    assert {field.name for field in known._meta.fields} == {field.name for field in unknown._meta.fields}
    with all_rows():
        assert not Membership.objects.filter(user=mallory, organization=acme).exists()


def test_an_invitation_is_taken_up_by_the_same_verified_address_only(
    acme: Organization, alice: User, mallory: User
) -> None:
    """The attack: an identity provider asserts the invited address without anybody having verified it."""
    invitation = invite(alice, acme, "new@example.test")
    with all_rows():
        unverified = User.objects.create_user("new@example.test")
    for user in (unverified, mallory):
        actor = actor_for(user)
        with rls.acting_as(actor.rls_actor):
            assert invitations.offered(by=actor) == []
            with pytest.raises(NotFound):
                invitations.accept(by=actor, invitation_id=invitation.pk)


def test_an_invitation_serves_once_and_ends(acme: Organization, alice: User, mallory: User) -> None:
    invitation = invite(alice, acme, mallory.email.upper())
    actor = actor_for(mallory)
    with rls.acting_as(actor.rls_actor):
        invitations.accept(by=actor, invitation_id=invitation.pk)
        with pytest.raises(NotFound):
            invitations.accept(by=actor, invitation_id=invitation.pk)
    remove(alice, mallory, acme)
    late = invite(alice, acme, mallory.email)
    with all_rows():
        Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(hours=1))
    with rls.acting_as(actor.rls_actor), pytest.raises(NotFound):
        invitations.accept(by=actor, invitation_id=late.pk)


def test_a_second_invitation_replaces_the_first(acme: Organization, alice: User) -> None:
    invite(alice, acme, "new@example.test", "viewer")
    invite(alice, acme, "NEW@example.test", "operator")
    with all_rows():
        assert [each.role for each in Invitation.objects.all()] == ["operator"]


def test_a_withdrawn_invitation_is_gone(acme: Organization, alice: User, mallory: User) -> None:
    invitation = invite(alice, acme, mallory.email)
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        invitations.withdraw(by=actor, organization=acme, invitation_id=invitation.pk)
        with pytest.raises(NotFound):
            invitations.withdraw(by=actor, organization=acme, invitation_id=invitation.pk)

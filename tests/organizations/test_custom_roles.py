"""Roles of an organization's own: made within one's reach, read at every use, and not deleted under anybody."""

from collections.abc import Callable
from typing import Any

import pytest

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.actions import custom_roles, invitations, mapping, members
from organizations.models import ClientRole, Connection, CustomRole, Grant, Membership, Organization, User
from organizations.permissions import ROLES
from organizations.standings import permissions_of
from tests.cast import actor_for, found, join, person, role_of
from tests.database import all_rows
from tests.organizations.conftest import add_oidc, audited
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.test_members import change, facts, membership
from tests.organizations.test_races import at_once

READS = ["dashboard.open", "tenant.view"]


def act[Result](by: User, deed: Callable[..., Result], **given: Any) -> Result:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return deed(by=actor, **given)


def make(by: User, organization: Organization, permissions: Any = READS, name: str = "Night shift") -> CustomRole:
    return act(by, custom_roles.create, organization=organization, name=name, permissions=permissions)


def edit(by: User, organization: Organization, role: CustomRole, **changes: Any) -> CustomRole:
    return act(by, custom_roles.change, organization=organization, role_id=role.pk, **changes)


def held(user: User, organization: Organization, **as_what: Any) -> frozenset[str]:
    actor = Actor(user_id=user.pk, **{"kind": "user", "session_id": "ses_test", **as_what})
    with rls.acting_as(actor.rls_actor):
        return permissions_of(actor, organization)


def told_of(role: CustomRole) -> list[str]:
    """For whom the edge was told that a role has shrunk."""
    changed = [fact.payload for fact in facts("organizations.membership.role_changed")]
    return [payload["user"] for payload in changed if payload.get("role") == role.pk]


@pytest.fixture
def adam(acme: Organization, alice: User) -> User:
    """Acme's admin."""
    adam = person("adam")
    join(acme, invited_by=alice, user=adam, role="admin")
    return adam


def test_a_member_may_what_their_role_says_and_no_more(acme: Organization, alice: User, bob: User) -> None:
    role = make(alice, acme)
    change(alice, bob, acme, role.pk)
    assert held(bob, acme) == set(READS)
    made = next(entry for entry in audited(acme.pk) if entry.action == "organizations.role.create")
    assert made.data == {"name": "Night shift", "permissions": READS}


def test_a_change_counts_at_once_and_is_revoked_at_the_edge_only_where_it_shrinks(
    acme: Organization, alice: User, bob: User, vera: User
) -> None:
    role = make(alice, acme)
    for user in (bob, vera):
        change(alice, user, acme, role.pk)
    edit(alice, acme, role, permissions=[*READS, "events.read"])
    assert held(bob, acme) == {*READS, "events.read"}
    assert told_of(role) == []
    edit(alice, acme, role, permissions=["tenant.view"])
    assert held(bob, acme) == {"tenant.view"}
    assert sorted(told_of(role)) == sorted([bob.pk, vera.pk])
    assert audited(acme.pk)[-1].data == {
        "name": "Night shift",
        "gained": [],
        "lost": ["dashboard.open", "events.read"],
    }


def test_a_role_that_shrinks_is_revoked_for_whoever_has_it_in_a_set_of_clients_too(
    msp: Organization, paula: User, maria: User
) -> None:
    role, held_by = make(paula, msp), membership(maria, msp)
    with all_rows():
        for _ in range(2):
            ClientRole.objects.create(organization=msp, membership=held_by, reach="all", role=role.pk)
    edit(paula, msp, role, permissions=["tenant.view"])
    assert told_of(role) == [maria.pk]


def test_a_key_shrinks_with_the_role_of_its_owner(acme: Organization, alice: User, bob: User) -> None:
    role = make(alice, acme)
    change(alice, bob, acme, role.pk)
    key = {"kind": "api_key", "key_id": "key_x", "organization_id": acme.pk, "scopes": frozenset({"tenant.view"})}
    assert held(bob, acme, **key) == {"tenant.view"}
    edit(alice, acme, role, permissions=["dashboard.open"])
    assert held(bob, acme, **key) == set()


def test_nobody_makes_a_role_that_can_do_more_than_they(acme: Organization, alice: User, adam: User, bob: User) -> None:
    """The attack: an admin makes a role with an owner's rights, and takes it."""
    with pytest.raises(Forbidden):
        make(adam, acme, ["organization.manage"])
    with pytest.raises(Forbidden):
        make(bob, acme)
    role = make(adam, acme)
    with pytest.raises(Forbidden):
        edit(adam, acme, role, permissions=[*READS, "billing.manage"])
    assert edit(alice, acme, role, permissions=[*READS, "billing.manage"]).permissions[0] == "billing.manage"


def test_nobody_touches_or_gives_a_role_that_can_do_more_than_they(
    acme: Organization, alice: User, adam: User, bob: User, vera: User
) -> None:
    """The attack: an admin narrows a role, which they may give then, or takes rights from somebody above them."""
    role = make(alice, acme, ["billing.manage", "tenant.view"])
    change(alice, bob, acme, role.pk)
    for attempt in (
        lambda: edit(adam, acme, role, permissions=["tenant.view"]),
        lambda: edit(adam, acme, role, name="Mine"),
        lambda: act(adam, custom_roles.delete, organization=acme, role_id=role.pk),
        lambda: change(adam, vera, acme, role.pk),
        lambda: change(adam, bob, acme, "viewer"),
        lambda: act(adam, invitations.invite, organization=acme, email="new@example.test", role=role.pk),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert held(bob, acme) == {"billing.manage", "tenant.view"}


def test_who_makes_roles_by_a_role_of_their_own_stays_within_it(acme: Organization, alice: User, bob: User) -> None:
    """The attack: whoever may manage members widens the very role they have."""
    role = make(alice, acme, ["member.manage", "member.view"])
    change(alice, bob, acme, role.pk)
    with pytest.raises(Forbidden):
        edit(bob, acme, role, permissions=["member.manage", "member.view", "tenant.delete"])
    edit(bob, acme, role, permissions=["member.manage"])
    with pytest.raises(Forbidden):
        edit(bob, acme, role, permissions=["member.manage", "member.view"])


def test_another_organizations_role_is_not_there(
    acme: Organization, rival: Organization, alice: User, bob: User, mallory: User
) -> None:
    foreign = make(mallory, rival)
    with pytest.raises(Invalid) as refusal:
        change(alice, bob, acme, foreign.pk)
    assert refusal.value.field == "role"
    with pytest.raises(NotFound):
        edit(alice, acme, foreign, name="Taken")
    with all_rows():
        Membership.objects.filter(user=bob).update(role=foreign.pk)
    assert held(bob, acme) == set()


def test_of_a_role_that_is_not_there_nothing_is_allowed(acme: Organization, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(user=bob).update(role="role_gone")
    assert held(bob, acme) == set()


def test_under_a_clients_ceiling_is_left_what_both_allow(
    acme: Organization, msp: Organization, paula: User, maria: User
) -> None:
    """Northwatch may do at most what an operator may."""
    role = make(paula, msp, ["billing.view", "tenant.delete", "tenant.operate", "tenant.view"])
    change(paula, maria, msp, role.pk)
    assert held(maria, acme) == {"tenant.operate", "tenant.view"}
    assert role_of(actor_for(maria), acme) is None
    with all_rows():
        Grant.objects.filter(client=acme).update(role_ceiling="viewer")
    assert held(maria, acme) == {"tenant.view"}


def test_a_clients_own_role_opens_nothing_beyond_it(acme: Organization, msp: Organization, paula: User) -> None:
    """The attack: an MSP's person, limited to operator, makes the client a role with everything."""
    with pytest.raises(Forbidden):
        make(paula, acme, ["tenant.delete"])


def test_an_invitation_brings_a_role_of_the_organizations_own(acme: Organization, alice: User, mallory: User) -> None:
    role = make(alice, acme)
    join(acme, invited_by=alice, user=mallory, role=role.pk)
    assert held(mallory, acme) == set(READS)


def rules(acme: Organization, alice: User, connection: Connection, role: str, default: str = "none") -> Connection:
    return act(
        alice,
        mapping.set_mapping,
        organization=acme,
        connection_id=connection.pk,
        mapping={},
        role_rules=[{"group": "night", "role": role}],
        default_role=default,
    )


def test_a_role_in_use_is_not_deleted_and_it_is_said_by_whom(
    acme: Organization, alice: User, bob: User, own_idp: OidcIdp
) -> None:
    role, connection = make(alice, acme), add_oidc(actor_for(alice), acme, own_idp)
    change(alice, bob, acme, role.pk)
    invited = act(alice, invitations.invite, organization=acme, email="new@example.test", role=role.pk)
    rules(acme, alice, connection, role.pk)
    with pytest.raises(Conflict) as refusal:
        act(alice, custom_roles.delete, organization=acme, role_id=role.pk)
    assert refusal.value.code == "ROLE_IN_USE"
    for who in ("1 member (Bob)", "1 invitation (new@example.test)", f"1 table of groups ({connection.name})"):
        assert who in refusal.value.detail
    change(alice, bob, acme, "viewer")
    act(alice, invitations.withdraw, organization=acme, invitation_id=invited.pk)
    rules(acme, alice, connection, "viewer", default=role.pk)
    with pytest.raises(Conflict):
        act(alice, custom_roles.delete, organization=acme, role_id=role.pk)
    rules(acme, alice, connection, "viewer")
    act(alice, custom_roles.delete, organization=acme, role_id=role.pk)
    assert audited(acme.pk)[-1].action == "organizations.role.delete"
    with all_rows():
        assert not CustomRole.objects.exists()


def test_groups_give_no_role_beyond_who_maps_them(
    acme: Organization, alice: User, adam: User, own_idp: OidcIdp
) -> None:
    role, connection = make(alice, acme, ["billing.manage"]), add_oidc(actor_for(alice), acme, own_idp)
    with pytest.raises(Forbidden):
        rules(acme, adam, connection, role.pk)
    with pytest.raises(Invalid) as refusal:
        rules(acme, alice, connection, "role_gone")
    assert refusal.value.errors[0].field == "role_rules.0.role"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\x07b"}, "name"),
        ({"name": "owner"}, "name"),
        ({"name": "night SHIFT"}, "name"),
        ({"description": "x" * 301}, "description"),
        ({"permissions": []}, "permissions"),
        ({"permissions": ["root"]}, "permissions"),
    ],
)
def test_what_can_not_be_a_role_is_said_at_its_field(
    acme: Organization, alice: User, given: dict[str, Any], field: str
) -> None:
    make(alice, acme)
    with pytest.raises(Invalid) as refusal:
        act(alice, custom_roles.create, organization=acme, **{"name": "Day", "permissions": READS, **given})
    assert refusal.value.field == field


def test_an_organization_has_at_most_fifty(acme: Organization, alice: User) -> None:
    with all_rows():
        CustomRole.objects.bulk_create(
            CustomRole(organization=acme, name=f"Role {number}", permissions=READS)
            for number in range(custom_roles.MOST_ROLES)
        )
    with pytest.raises(Conflict) as refusal:
        make(alice, acme)
    assert refusal.value.code == "TOO_MANY"


def test_an_owner_by_a_role_of_their_own_is_no_owner(acme: Organization, alice: User, bob: User) -> None:
    """A role with everything can be taken from whoever has it, so it keeps no organization from losing its owner."""
    role = make(alice, acme, ROLES["owner"])
    change(alice, bob, acme, role.pk)
    with pytest.raises(Conflict) as refusal:
        change(alice, alice, acme, role.pk)
    assert refusal.value.code == "LAST_OWNER"


@pytest.mark.django_db(transaction=True)
def test_a_role_given_and_deleted_at_once_leaves_nobody_with_a_role_that_is_gone(transactional_db: None) -> None:
    alice, bob = person("alice"), person("bob")
    acme = found(alice, "Acme")
    join(acme, invited_by=alice, user=bob, role="viewer")
    role, target = make(alice, acme), membership(bob, acme).pk
    at_once(
        lambda: act(alice, members.change_role, organization=acme, membership_id=target, role=role.pk),
        lambda: act(alice, custom_roles.delete, organization=acme, role_id=role.pk),
    )
    with all_rows():
        assert CustomRole.objects.exists() == (membership(bob, acme).role == role.pk)

"""An organization keeps an owner who can come in, whoever ends, blocks or lowers a membership."""

from collections.abc import Callable

import pytest

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, Problem
from organizations.actions import break_glass, members, memberships, owners
from organizations.models import Connection, Membership, Organization, User
from tests.cast import actor_for, found, join, person
from tests.database import all_rows
from tests.organizations.conftest import audited
from tests.organizations.test_members import facts
from tests.organizations.test_races import at_once

SYSTEM = Actor.system("test")


def block(membership: Membership) -> bool:
    """Blocks somebody as the groups of a connection do."""
    connection, _ = Connection.objects.get_or_create(
        organization=membership.organization,
        kind="saml",
        defaults={"name": "SAML", "issuer": "https://idp.example", "sign_in_url": "https://idp.example/"},
    )
    return memberships.block(by=SYSTEM, membership=membership, connection=connection)


DEEDS = {
    "give": lambda membership: memberships.give(by=SYSTEM, membership=membership, role="admin"),
    "block": block,
    "end": lambda membership: memberships.end(by=SYSTEM, membership=membership),
}


def membership_of(user: User) -> Membership:
    with all_rows():
        return Membership.objects.select_related("organization").get(user=user)


def do(deed: str, of: User) -> object:
    membership = membership_of(of)
    with rls.acting_as(f"org:{membership.organization_id}"):
        return DEEDS[deed](membership)


@pytest.fixture
def olga(acme: Organization, alice: User) -> User:
    """A second owner of Acme."""
    olga = person("olga")
    join(acme, invited_by=alice, user=olga, role="owner")
    return olga


@pytest.mark.parametrize("deed", DEEDS)
def test_the_last_owner_stays(acme: Organization, alice: User, deed: str) -> None:
    with pytest.raises(Conflict) as refusal:
        do(deed, alice)
    assert refusal.value.code == "LAST_OWNER"
    assert membership_of(alice).role == "owner"


@pytest.mark.parametrize("deed", DEEDS)
def test_one_of_two_owners_may_go(acme: Organization, alice: User, olga: User, deed: str) -> None:
    do(deed, alice)
    with rls.acting_as(f"org:{acme.pk}"):
        assert owners.must_stay(membership_of(olga))


@pytest.mark.parametrize("deed", DEEDS)
def test_an_owner_who_is_blocked_counts_as_none(acme: Organization, alice: User, olga: User, deed: str) -> None:
    do("block", olga)
    with pytest.raises(Conflict):
        do(deed, alice)


@pytest.mark.parametrize("deed", DEEDS)
def test_an_owner_whose_account_is_closed_counts_as_none(
    acme: Organization, alice: User, olga: User, deed: str
) -> None:
    with all_rows():
        User.objects.filter(pk=olga.pk).update(is_active=False)
    with pytest.raises(Conflict):
        do(deed, alice)


@pytest.mark.parametrize("deed", DEEDS)
def test_the_owner_for_emergencies_stays(acme: Organization, alice: User, olga: User, deed: str) -> None:
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(break_glass=olga)
    with pytest.raises(Conflict) as refusal:
        do(deed, olga)
    assert refusal.value.code == "BREAK_GLASS_OWNER"


def test_giving_publishes_only_what_shrinks(acme: Organization, bob: User) -> None:
    membership = membership_of(bob)
    for role, published in (("admin", 0), ("admin", 0), ("viewer", 1)):
        with rls.acting_as(f"org:{acme.pk}"):
            memberships.give(by=SYSTEM, membership=membership, role=role, because="test")
        assert len(facts("organizations.membership.role_changed")) == published
    assert audited(acme.pk)[-1].data == {"before": "admin", "after": "viewer", "because": "test"}


def test_who_is_blocked_and_unblocked_is_written_down_once(acme: Organization, bob: User) -> None:
    membership = membership_of(bob)
    with rls.acting_as(f"org:{acme.pk}"):
        assert [block(membership) for _ in range(2)] == [True, False]
        assert [memberships.unblock(by=SYSTEM, membership=membership) for _ in range(2)] == [True, False]
    assert len(facts("organizations.membership.blocked")) == 1
    assert [entry.action for entry in audited(acme.pk)][-2:] == [
        "organizations.membership.block",
        "organizations.membership.unblock",
    ]


def test_nobody_belongs_twice(acme: Organization, bob: User) -> None:
    with rls.acting_as(f"org:{acme.pk}"), pytest.raises(Conflict) as refusal:
        memberships.admit(by=SYSTEM, organization=acme, user=bob, role="viewer")
    assert refusal.value.code == "ALREADY_MEMBER"


def _in_acme(deed: Callable[[Membership], object], membership: Membership) -> Callable[[], object]:
    def call() -> object:
        with rls.acting_as(f"org:{membership.organization_id}"):
            return deed(membership)

    return call


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("one", DEEDS)
@pytest.mark.parametrize("other", DEEDS)
def test_two_owners_who_go_at_once_leave_one(transactional_db: None, one: str, other: str) -> None:
    """Each was read before the race began, as a sign-in or a provisioning request has it."""
    alice, olga = person("alice"), person("olga")
    acme = found(alice, "Acme")
    join(acme, invited_by=alice, user=olga, role="owner")
    results = at_once(_in_acme(DEEDS[one], membership_of(alice)), _in_acme(DEEDS[other], membership_of(olga)))
    assert [result.code for result in results if isinstance(result, Problem)] == ["LAST_OWNER"]
    with all_rows():
        assert Membership.objects.filter(organization=acme, role="owner", blocked_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_admin_who_lowers_somebody_just_made_owner_is_refused(transactional_db: None) -> None:
    """The attack: what was read before the lock says that the member is a viewer."""
    alice, adam, vera = person("alice"), person("adam"), person("vera")
    acme = found(alice, "Acme")
    join(acme, invited_by=alice, user=adam, role="admin")
    join(acme, invited_by=alice, user=vera, role="viewer")
    wanted = membership_of(vera).pk

    def change(by: User, role: str) -> Callable[[], object]:
        def call() -> object:
            actor = actor_for(by)
            with rls.acting_as(actor.rls_actor):
                return members.change_role(by=actor, organization=acme, membership_id=wanted, role=role)

        return call

    at_once(change(alice, "owner"), change(adam, "operator"))
    changes = [entry.data for entry in audited(acme.pk) if entry.action.endswith("change_role")]
    assert {"before": "owner", "after": "operator"} not in changes
    assert membership_of(vera).role == "owner"


def test_an_owner_who_is_blocked_is_not_kept_for_emergencies(acme: Organization, alice: User, olga: User) -> None:
    do("block", olga)
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor), pytest.raises(Invalid) as refusal:
        break_glass.choose(by=actor, organization=acme, membership_id=membership_of(olga).pk)
    assert refusal.value.field == "break_glass"

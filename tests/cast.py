"""The people every test speaks of, made by the product's own actions.

alice owns Acme, bob is its operator, vera its viewer. Acme is a client of the MSP Northwatch, where maria is operator and
paula owner. mallory owns an organization of her own and belongs to nothing else.
"""

from collections.abc import Iterator

import pytest

from controlplane import rls
from controlplane.actor import Actor
from organizations.actions import clients, members, sign_up
from organizations.models import Grant, Organization, User
from tests.database import all_rows


def actor_for(user: User) -> Actor:
    """Returns the actor of a person whose session is not in question."""
    return Actor(user_id=user.pk, kind="user", session_id="ses_test")


def join(organization: Organization, *, invited_by: User, user: User, role: str) -> None:
    """Invites a person, who takes the invitation up."""
    inviting, invited = actor_for(invited_by), actor_for(user)
    with rls.acting_as(inviting.rls_actor):
        members.invite(by=inviting, organization=organization, email=user.email, role=role)
    with rls.acting_as(invited.rls_actor):
        (invitation,) = members.open_invitations(by=invited)
        members.accept_invitation(by=invited, invitation_id=invitation["id"])


def _found(owner: User, name: str, kind: str = "organization") -> Organization:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        return sign_up.found(by=actor, name=name, kind=kind)


def _person(name: str) -> User:
    with all_rows():
        return User.objects.create_user(f"{name}@example.test", name=name.title(), email_verified=True)


@pytest.fixture
def alice(db: None) -> User:
    return _person("alice")


@pytest.fixture
def bob(db: None) -> User:
    return _person("bob")


@pytest.fixture
def vera(db: None) -> User:
    return _person("vera")


@pytest.fixture
def paula(db: None) -> User:
    return _person("paula")


@pytest.fixture
def maria(db: None) -> User:
    return _person("maria")


@pytest.fixture
def mallory(db: None) -> User:
    return _person("mallory")


@pytest.fixture
def msp(paula: User, maria: User) -> Organization:
    """Northwatch, a managed service provider."""
    organization = _found(paula, "Northwatch", kind="msp")
    join(organization, invited_by=paula, user=maria, role="operator")
    return organization


@pytest.fixture
def acme(msp: Organization, paula: User, alice: User, bob: User, vera: User) -> Organization:
    """Acme, a client of Northwatch whose people may do at most what an operator may."""
    founder = actor_for(paula)
    with rls.acting_as(founder.rls_actor):
        organization = clients.create_client(by=founder, msp=msp, name="Acme", role_ceiling="owner")
    join(organization, invited_by=paula, user=alice, role="owner")
    owner = actor_for(alice)
    with rls.acting_as(owner.rls_actor):
        clients.limit_grant(by=owner, grant=Grant.objects.get(client=organization), role_ceiling="operator")
    join(organization, invited_by=alice, user=bob, role="operator")
    join(organization, invited_by=alice, user=vera, role="viewer")
    return organization


@pytest.fixture
def rival(mallory: User) -> Organization:
    """mallory's own organization."""
    return _found(mallory, "Rival")


@pytest.fixture
def as_alice(alice: User, acme: Organization) -> Iterator[Actor]:
    """Runs the test as alice, inside Acme."""
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        yield actor

"""The people every test speaks of, made by the product's own actions.

alice owns Acme, bob is its operator, vera its viewer. Acme is a client of the MSP Northwatch, where maria is operator
and paula owner. mallory owns an organization of her own and belongs to nothing else.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.ids import new_id
from controlplane.mail import WRITTEN
from controlplane.models import Mail, Message
from organizations.actions import clients, grants, invitations, sign_up
from organizations.models import Grant, Membership, Organization, PersonSession, User
from organizations.msp import working
from organizations.standings import standing_of
from tests.database import all_rows
from tests.remembered import Remembered


def actor_for(user: User) -> Actor:
    """Returns the actor of a person whose session is not in question."""
    return Actor(user_id=user.pk, kind="user", session_id="ses_test")


def role_of(actor: Actor, organization: Organization) -> str | None:
    """Returns the role that names what somebody may do in an organization; None where they are nobody."""
    standing = standing_of(actor, organization)
    return standing.role if standing else None


def join(organization: Organization, *, invited_by: User, user: User, role: str) -> None:
    """Invites a person, who takes the invitation up. Its mail is put away: tests look at the mails that they cause."""
    inviting, invited = actor_for(invited_by), actor_for(user)
    with rls.acting_as(inviting.rls_actor):
        invitations.invite(by=inviting, organization=organization, email=user.email, role=role)
    with rls.acting_as(invited.rls_actor):
        offered = {each["organization_id"]: each["id"] for each in invitations.offered(by=invited)}
        invitations.accept(by=invited, invitation_id=offered[organization.pk])
    with all_rows():
        mailed = list(Mail.objects.filter(template="invitation", to=user.email).values_list("pk", flat=True))
        Message.objects.filter(topic=WRITTEN, payload__mail__in=mailed).delete()
        Mail.objects.filter(pk__in=mailed).delete()


def found(owner: User, name: str, kind: str = "organization") -> Organization:
    """Founds an organization as its owner does."""
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        return sign_up.found(by=actor, name=name, kind=kind)


def found_client(msp: Organization, paula: User, alice: User, name: str) -> Organization:
    """Founds a client of paula's MSP that belongs to alice, who lets the MSP do at most what an operator may."""
    founder, owner = actor_for(paula), actor_for(alice)
    with rls.acting_as(founder.rls_actor):
        client = clients.create_client(by=founder, msp=msp, name=name, role_ceiling="owner")
    join(client, invited_by=paula, user=alice, role="owner")
    with rls.acting_as(owner.rls_actor):
        grants.limit_grant(by=owner, grant=Grant.objects.get(client=client), role_ceiling="operator")
    return client


def person(name: str) -> User:
    """Makes somebody whose e-mail address is verified."""
    with all_rows():
        return User.objects.create_user(f"{name}@example.test", name=name.title(), email_verified=True)


def session_of(user: User, *, working_in: Organization | None = None) -> Client:
    """Returns a browser in which the person has signed in by the platform's provider. Args: working_in: a client."""
    client = Client(raise_request_exception=False)
    with rls.acting_as(f"user:{user.pk}"):
        client.force_login(user)
    session = client.session
    session.update({"session_id": alive(user), "proofs": {"platform": int(time.time())}})
    if working_in is not None:
        session[working.KEY] = chosen(user, working_in)
    session.save()
    return client


def chosen(user: User, client: Organization) -> dict[str, object]:
    """What a session keeps once somebody of its MSP has chosen to work in a client."""
    with all_rows():
        msps = Membership.objects.filter(user=user).values("organization")
        grant = Grant.objects.get(client=client, msp__in=msps, state="active")
    return {"grant": grant.pk, "msp": grant.msp_id, "at": int(time.time())}


def alive(user: User, session_id: str = "") -> str:
    """The id of a session of somebody that has not ended."""
    with rls.acting_as(f"user:{user.pk}"):
        return PersonSession.objects.create(
            id=session_id or new_id("ses"),
            user=user,
            way="platform",
            device="Firefox on Linux",
            device_digest="known",
            last_seen_at=timezone.now(),
        ).pk


def found_msp(paula: User, maria: User) -> Organization:
    msp = found(paula, "Northwatch", kind="msp")
    join(msp, invited_by=paula, user=maria, role="operator")
    return msp


def found_acme(msp: Organization, paula: User, alice: User, bob: User, vera: User) -> Organization:
    acme = found_client(msp, paula, alice, "Acme")
    join(acme, invited_by=alice, user=bob, role="operator")
    join(acme, invited_by=alice, user=vera, role="viewer")
    return acme


@dataclass
class Cast:
    """Everybody around Acme."""

    people: dict[str, User]
    msp: Organization
    acme: Organization


_made: list[tuple[Cast, Remembered]] = []


def _make_cast() -> tuple[Cast, Remembered]:
    rows = Remembered()
    people = {name: person(name) for name in ("paula", "maria", "alice", "bob", "vera")}
    msp = found_msp(people["paula"], people["maria"])
    acme = found_acme(msp, *(people[name] for name in ("paula", "alice", "bob", "vera")))
    rows.keep()
    return Cast(people, msp, acme), rows


@pytest.fixture(autouse=True)
def cast(request: pytest.FixtureRequest) -> Cast | None:
    """
    Everybody around Acme, in tests that name Acme: made by the first of a process, put back for the others.

    It comes before every other row of a test. In the other tests the people stand alone.
    """
    if "acme" not in request.fixturenames:
        return None
    request.getfixturevalue("db")
    if _made:
        _made[0][1].put_back()
    else:
        _made.append(_make_cast())
    return copy.deepcopy(_made[0][0])


@pytest.fixture
def alice(db: None, cast: Cast | None) -> User:
    return cast.people["alice"] if cast else person("alice")


@pytest.fixture
def bob(db: None, cast: Cast | None) -> User:
    return cast.people["bob"] if cast else person("bob")


@pytest.fixture
def vera(db: None, cast: Cast | None) -> User:
    return cast.people["vera"] if cast else person("vera")


@pytest.fixture
def paula(db: None, cast: Cast | None) -> User:
    return cast.people["paula"] if cast else person("paula")


@pytest.fixture
def maria(db: None, cast: Cast | None) -> User:
    return cast.people["maria"] if cast else person("maria")


@pytest.fixture
def mallory(db: None) -> User:
    return person("mallory")


@pytest.fixture
def msp(cast: Cast | None, paula: User, maria: User) -> Organization:
    """Northwatch, a managed service provider."""
    return cast.msp if cast else found_msp(paula, maria)


@pytest.fixture
def acme(cast: Cast | None, msp: Organization, paula: User, alice: User, bob: User, vera: User) -> Organization:
    """Acme, a client of Northwatch."""
    return cast.acme if cast else found_acme(msp, paula, alice, bob, vera)


@pytest.fixture
def rival(mallory: User) -> Organization:
    """mallory's own organization."""
    return found(mallory, "Rival")


@pytest.fixture
def as_alice(alice: User, acme: Organization) -> Iterator[Actor]:
    """Runs the test as alice, inside Acme."""
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        yield actor

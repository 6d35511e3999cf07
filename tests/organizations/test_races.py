"""Two at once: what the database decides, not the order of two reads."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, NotFound
from organizations.actions import client_roles, clients, invitations, join_requests, members, sign_in
from organizations.actions.client_roles import WantedSet
from organizations.actions.sign_up import found_with_saml
from organizations.models import ClientRole, Domain, Invitation, JoinRequest, Membership, Organization, User
from organizations.sso.proven import ProvenIdentity, SignInRefused
from organizations.sso.saml.metadata import IdpMetadata
from tests.cast import actor_for, found, join, person
from tests.database import all_rows


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Runs every call in a thread of its own, started together; what each returned or raised."""
    results: list[object] = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(number: int, call: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results[number] = call()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_leave_one(transactional_db: None) -> None:
    alice, bob = person("alice"), person("bob")
    acme = found(alice, "Acme")
    join(acme, invited_by=alice, user=bob, role="owner")
    with all_rows():
        membership = {each.user_id: each.pk for each in Membership.objects.filter(organization=acme)}

    def remove(by: User, of: User) -> Callable[[], None]:
        def call() -> None:
            actor = actor_for(by)
            with rls.acting_as(actor.rls_actor):
                members.remove(by=actor, organization=acme, membership_id=membership[of.pk])

        return call

    results = at_once(remove(alice, bob), remove(bob, alice))
    with all_rows():
        assert Membership.objects.filter(organization=acme, role="owner").count() == 1
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, Exception) for result in results) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_first_assertions_at_once_one_makes_the_owner(transactional_db: None) -> None:
    nobody = Actor.nobody()
    metadata = IdpMetadata("https://idp.example/", "https://idp.example/sso", [])
    made = found_with_saml(by=nobody, name="Acme", kind="organization", metadata=metadata)

    def enter(uid: str) -> Callable[[], object]:
        def call() -> object:
            identity = ProvenIdentity(made.provider_id, uid, f"{uid}@acme.example")
            return sign_in.by_connection(by=nobody, connection=made, identity=identity)

        return call

    results = at_once(*(enter(f"person{number}") for number in range(4)))
    with all_rows():
        assert Membership.objects.filter(organization_id=made.organization_id).count() == 1
        assert User.objects.count() == 1
        assert Organization.objects.get().state == "active"
    assert sum(isinstance(result, User) for result in results) == 1
    assert sum(isinstance(result, SignInRefused) for result in results) == 3


@pytest.mark.django_db(transaction=True)
def test_two_invitations_of_one_address_at_once_leave_one(transactional_db: None) -> None:
    alice = person("alice")
    acme = found(alice, "Acme")
    actor = actor_for(alice)

    def invite() -> object:
        with rls.acting_as(actor.rls_actor):
            return invitations.invite(by=actor, organization=acme, email="bob@example.test", role="viewer")

    results = at_once(*[invite] * 4)
    assert [result for result in results if isinstance(result, Exception)] == []
    with all_rows():
        assert Invitation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_invitation_taken_up_twice_at_once_makes_one_member(transactional_db: None) -> None:
    alice, bob = person("alice"), person("bob")
    acme = found(alice, "Acme")
    inviting, invited = actor_for(alice), actor_for(bob)
    with rls.acting_as(inviting.rls_actor):
        invitation = invitations.invite(by=inviting, organization=acme, email=bob.email, role="viewer")

    def accept() -> object:
        with rls.acting_as(invited.rls_actor):
            return invitations.accept(by=invited, invitation_id=invitation.pk)

    results = at_once(accept, accept, accept)
    assert sum(isinstance(result, Membership) for result in results) == 1
    assert not any(isinstance(result, Conflict) for result in results)
    with all_rows():
        assert Membership.objects.filter(user=bob).count() == 1


def _asked() -> tuple[User, Organization, User]:
    """alice's Acme takes requests from acme.example, where ann has a proven address."""
    alice = person("alice")
    acme = found(alice, "Acme")
    with all_rows():
        Domain.objects.create(organization=acme, name="acme.example", state="proven", join_requests=True)
        ann = User.objects.create_user("ann@acme.example", name="Ann", email_verified=True)
    return alice, acme, ann


@pytest.mark.django_db(transaction=True)
def test_one_person_who_asks_many_times_at_once_has_asked_once(transactional_db: None) -> None:
    _, acme, ann = _asked()
    actor = actor_for(ann)

    def ask() -> object:
        with rls.acting_as(actor.rls_actor):
            return join_requests.ask(by=actor, organization_id=acme.pk)

    results = at_once(*[ask] * 4)
    assert sum(isinstance(result, JoinRequest) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 3
    with all_rows():
        assert JoinRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_approved_and_declined_at_once_is_decided_once(transactional_db: None) -> None:
    alice, acme, ann = _asked()
    asking, deciding = actor_for(ann), actor_for(alice)
    with rls.acting_as(asking.rls_actor):
        request = join_requests.ask(by=asking, organization_id=acme.pk)
    known = {"by": deciding, "organization": acme, "join_request_id": request.pk}

    def approve() -> object:
        with rls.acting_as(deciding.rls_actor):
            return join_requests.approve(**known, role="viewer")

    def decline() -> object:
        with rls.acting_as(deciding.rls_actor):
            return join_requests.decline(**known)

    results = at_once(approve, decline, approve, decline)
    assert sum(isinstance(result, NotFound) for result in results) == 3
    with all_rows():
        belongs = Membership.objects.filter(user=ann, organization=acme).count()
        declined = JoinRequest.objects.exclude(declined_at=None).count()
    assert belongs + declined == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", ["approve", "decline"])
def test_a_request_taken_back_while_it_is_decided_is_one_or_the_other(transactional_db: None, deed: str) -> None:
    alice, acme, ann = _asked()
    asking, deciding = actor_for(ann), actor_for(alice)
    with rls.acting_as(asking.rls_actor):
        request = join_requests.ask(by=asking, organization_id=acme.pk)
    more = {"role": "viewer"} if deed == "approve" else {}

    def decide() -> object:
        with rls.acting_as(deciding.rls_actor):
            done = getattr(join_requests, deed)
            return done(by=deciding, organization=acme, join_request_id=request.pk, **more)

    def take_back() -> object:
        with rls.acting_as(asking.rls_actor):
            return join_requests.take_back(by=asking, organization_id=acme.pk)

    decided, taken = at_once(decide, take_back)
    assert [isinstance(result, NotFound) for result in (decided, taken)].count(True) == 1, (decided, taken)
    with all_rows():
        assert JoinRequest.objects.exists() == (taken is not None and deed == "decline")
        assert Membership.objects.filter(user=ann).exists() == (taken is not None and deed == "approve")


@pytest.mark.django_db(transaction=True)
def test_sets_of_clients_that_are_added_and_taken_away_at_once_are_all_kept_and_gone(transactional_db: None) -> None:
    paula, maria = person("paula"), person("maria")
    msp = found(paula, "Northwatch", kind="msp")
    join(msp, invited_by=paula, user=maria, role="operator")
    by = actor_for(paula)
    with all_rows():
        known = {"by": by, "msp": msp, "membership_id": Membership.objects.get(user=maria).pk}
    with rls.acting_as(by.rls_actor):
        served = [clients.create_client(by=by, msp=msp, name=f"Client {number}") for number in range(3)]
        first = client_roles.add_set(**known, wanted=WantedSet("viewer", "only", [served[0].pk]))

    def add(client: Organization) -> Callable[[], object]:
        def call() -> object:
            with rls.acting_as(by.rls_actor):
                return client_roles.add_set(**known, wanted=WantedSet("viewer", "only", [client.pk]))

        return call

    def remove() -> object:
        with rls.acting_as(by.rls_actor):
            return client_roles.remove_set(**known, set_id=first.pk)

    results = at_once(add(served[1]), add(served[2]), remove)
    assert not any(isinstance(result, Exception) for result in results), results
    with all_rows():
        left = [each.clients for each in ClientRole.objects.all()]
    assert sorted(left) == sorted([[served[1].pk], [served[2].pk]])

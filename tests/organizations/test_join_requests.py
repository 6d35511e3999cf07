"""Asking to join: who learns that an organization is here, who may ask, who decides, and what nobody gets by it."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound, Problem
from organizations.actions import domains, invitations, join_requests, keys
from organizations.models import CustomRole, Domain, Invitation, JoinRequest, Membership, Organization, User
from organizations.permissions import PERMISSIONS
from tests.cast import actor_for, found, join, person, session_of
from tests.database import all_rows
from tests.organizations.account_steps import sign_up
from tests.organizations.conftest import Browser, Zone, audited, prove
from tests.organizations.join_steps import (
    ANN,
    ann,
    approve,
    ask,
    askable,
    decline,
    domain,
    is_member,
    own,
    subjects,
    use,
)

__all__ = ["ann", "domain", "own"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_somebody_new_sees_the_organization_only_after_proving_an_address_of_its_domain(
    visitor: Browser, acme: Organization, domain: Domain
) -> None:
    for path in ("/sign-up/", "/sign-up/email/", "/sign-in/"):
        assert "Acme" not in visitor.get(path).content.decode()
    assert "Acme" not in visitor.post("/sign-up/email/", {"email": ANN}, follow=True).content.decode()
    ann = sign_up(visitor, ANN)
    assert "Acme" in visitor.get("/sign-up/").content.decode()
    assert visitor.post(f"/join/{acme.pk}/", {"next": "/account/"})["Location"] == "/account/"
    assert "You asked" in visitor.get("/account/").content.decode()
    assert "You asked" in visitor.get("/sign-up/").content.decode()
    entry = audited(acme.pk)[-1]
    assert (entry.action, entry.actor["user"]) == ("organizations.join_request.create", ann.pk)


def test_it_is_off_until_an_administrator_turns_it_on(acme: Organization, alice: User, zone: Zone) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    ann = person("ann")
    with all_rows():
        User.objects.filter(pk=ann.pk).update(email=ANN)
    assert askable(ann) == []
    with pytest.raises(NotFound):
        ask(ann, acme)
    use(alice, acme, made, join_requests=True)
    assert askable(ann) == ["Acme"]
    assert audited(acme.pk)[-1].data["join_requests"] is True
    use(alice, acme, made, join_requests=False)
    assert askable(ann) == []


def test_a_domain_that_is_not_proven_takes_no_requests(
    acme: Organization, alice: User, rival: Organization, mallory: User, zone: Zone
) -> None:
    """The attack: mallory's organization claims a domain, to see and collect who has addresses there."""
    actor = actor_for(mallory)
    with rls.acting_as(actor.rls_actor):
        claimed = domains.claim(by=actor, organization=rival, name="acme.example")
        with pytest.raises(Conflict) as refusal:
            domains.use(by=actor, organization=rival, domain_id=claimed.pk, join_requests=True)
    assert refusal.value.code == "NOT_PROVEN"
    with all_rows():
        Domain.objects.filter(pk=claimed.pk).update(join_requests=True)
        ann = User.objects.create_user(ANN, email_verified=True)
    assert askable(ann) == []
    with pytest.raises(NotFound):
        ask(ann, rival)


@pytest.mark.parametrize(
    ("email", "verified"),
    [
        (ANN, False),
        ("ann@mail.acme.example", True),
        ("ann@acme.example.evil.example", True),
        ('"ann@acme.example"@evil.example', True),
        ("ann@rival.example", True),
    ],
)
def test_another_address_or_an_unproven_one_learns_and_asks_nothing(
    acme: Organization, domain: Domain, email: str, verified: bool
) -> None:
    with all_rows():
        stranger = User.objects.create_user(email, email_verified=verified)
    assert askable(stranger) == []
    browser = session_of(stranger)
    assert "Acme" not in browser.get("/sign-up/").content.decode()
    real, made_up = (browser.post(f"/join/{one}/") for one in (acme.pk, "org_" + "q" * 20))
    assert real.status_code == made_up.status_code == (404 if verified else 403)
    with all_rows():
        assert not JoinRequest.objects.exists()


def test_members_have_nothing_to_ask_for_nor_has_one_whom_groups_shut_out(
    acme: Organization, alice: User, ann: User
) -> None:
    join(acme, invited_by=alice, user=ann, role="viewer")
    assert askable(ann) == []
    with all_rows():
        Membership.objects.filter(user=ann).update(blocked_at=timezone.now())
    assert askable(ann) == []
    with pytest.raises(NotFound):
        ask(ann, acme)


def test_keys_ask_for_nothing(acme: Organization, ann: User) -> None:
    key = Actor(user_id=ann.pk, kind="api_key", key_id="key_x")
    with rls.acting_as(f"user:{ann.pk}"), pytest.raises(NotFound):
        join_requests.ask(by=key, organization_id=acme.pk)


def test_those_who_can_decide_are_mailed_and_nobody_else(
    acme: Organization, alice: User, bob: User, vera: User, ann: User
) -> None:
    carol = person("carol")
    join(acme, invited_by=alice, user=carol, role="admin")
    ask(ann, acme)
    words = "Ann asks to join Acme"
    assert [words in subjects(each.email) for each in (alice, carol, bob, vera)] == [True, True, False, False]


def test_so_is_somebody_whose_role_of_the_organizations_own_lets_them_decide(
    acme: Organization, alice: User, bob: User, ann: User
) -> None:
    with all_rows():
        role = CustomRole.objects.create(organization=acme, name="Reception", permissions=["member.manage"])
        Membership.objects.filter(organization=acme, user=bob).update(role=role.pk)
    ask(ann, acme)
    assert "Ann asks to join Acme" in subjects(bob.email)


def test_where_nobody_of_the_organization_can_decide_its_service_provider_is_mailed(
    acme: Organization, alice: User, paula: User, maria: User, ann: User
) -> None:
    with all_rows():
        Membership.objects.filter(organization=acme).exclude(role="viewer").delete()
    ask(ann, acme)
    assert "Ann asks to join Acme" in subjects(paula.email)
    assert not subjects(maria.email)
    assert not subjects(alice.email)


def test_one_asks_once_in_thirty_days(acme: Organization, alice: User, ann: User) -> None:
    first = ask(ann, acme)
    with pytest.raises(Conflict) as refusal:
        ask(ann, acme)
    assert refusal.value.code == "ALREADY_ASKED"
    decline(alice, acme, first)
    with pytest.raises(Conflict):
        ask(ann, acme)
    with all_rows():
        JoinRequest.objects.update(created_at=timezone.now() - dt.timedelta(days=31))
    assert ask(ann, acme).pk != first.pk
    assert subjects(alice.email).count("Ann asks to join Acme") == 2


def test_many_people_do_not_flood_an_organization(acme: Organization, domain: Domain) -> None:
    with all_rows():
        people = [User.objects.create_user(f"p{n}@acme.example", email_verified=True) for n in range(21)]
    for user in people[:20]:
        ask(user, acme)
    with pytest.raises(Problem) as refusal:
        ask(people[20], acme)
    assert refusal.value.status == 429


def test_a_request_can_be_taken_back_by_whoever_made_it_and_nobody_else(
    acme: Organization, ann: User, mallory: User
) -> None:
    request = ask(ann, acme)
    assert session_of(mallory).post(f"/join/{acme.pk}/take-back/").status_code == 404
    assert session_of(ann).post(f"/join/{acme.pk}/take-back/").status_code == 302
    assert audited(acme.pk)[-1].action == "organizations.join_request.take_back"
    assert ask(ann, acme).pk != request.pk


def test_who_is_let_in_has_the_role_that_was_given_and_is_mailed(acme: Organization, alice: User, ann: User) -> None:
    ask(ann, acme)
    browser = session_of(alice)
    page = browser.get(f"/o/{acme.pk}/members/")
    (request,) = page.context["join_requests"]
    assert ANN in page.content.decode()
    browser.post(f"/o/{acme.pk}/join-requests/{request.pk}/approve/", {"role": "operator"})
    with all_rows():
        assert Membership.objects.get(user=ann).role == "operator"
    assert subjects(ANN) == ["You belong to Acme now"]
    approved, made = audited(acme.pk)[-1], audited(acme.pk)[-2]
    assert (approved.action, approved.data["role"]) == ("organizations.join_request.approve", "operator")
    assert made.data == {"role": "operator", "user": ann.pk, "join_request": request.pk}
    assert session_of(ann).get(f"/o/{acme.pk}/").status_code == 200


def test_who_is_declined_is_mailed_and_stays_outside(acme: Organization, alice: User, ann: User) -> None:
    request = ask(ann, acme)
    session_of(alice).post(f"/o/{acme.pk}/join-requests/{request.pk}/decline/")
    assert subjects(ANN) == ["Your request to join Acme was declined"]
    assert not is_member(ann, acme)
    assert audited(acme.pk)[-1].action == "organizations.join_request.decline"
    assert "was declined" in session_of(ann).get("/sign-up/").content.decode()
    with pytest.raises(NotFound):
        approve(alice, acme, request)


def test_nobody_gives_a_role_above_their_own_reach(acme: Organization, alice: User, ann: User) -> None:
    carol = person("carol")
    join(acme, invited_by=alice, user=carol, role="admin")
    request = ask(ann, acme)
    with pytest.raises(Forbidden):
        approve(carol, acme, request, "owner")
    with pytest.raises(Invalid):
        approve(carol, acme, request, "root")
    assert not is_member(ann, acme)
    assert approve(carol, acme, request, "admin").role == "admin"


def test_members_without_the_permission_and_strangers_neither_see_nor_decide(
    acme: Organization, alice: User, bob: User, ann: User, mallory: User
) -> None:
    request = ask(ann, acme)
    for somebody, refusal in ((bob, Forbidden), (mallory, NotFound), (ann, NotFound)):
        for decide in (approve, decline):
            with pytest.raises(refusal):
                decide(somebody, acme, request)
    assert ANN not in session_of(bob).get(f"/o/{acme.pk}/members/").content.decode()
    rival = found(mallory, "Rival")
    with pytest.raises(NotFound):
        approve(mallory, rival, request)


def test_a_request_whose_domain_is_proven_no_more_lets_nobody_in(
    acme: Organization, alice: User, domain: Domain, ann: User
) -> None:
    request = ask(ann, acme)
    with all_rows():
        Domain.objects.update(state="withdrawn")
    with pytest.raises(Conflict) as refusal:
        approve(alice, acme, request)
    assert refusal.value.code == "NOT_PROVEN"
    assert not is_member(ann, acme)


def test_a_request_ends_by_itself(acme: Organization, alice: User, ann: User) -> None:
    request = ask(ann, acme)
    with all_rows():
        JoinRequest.objects.update(created_at=timezone.now() - dt.timedelta(days=31))
    with pytest.raises(NotFound):
        approve(alice, acme, request)
    assert list(session_of(alice).get(f"/o/{acme.pk}/members/").context["join_requests"]) == []


def test_an_invitation_that_is_taken_up_settles_the_request_and_the_other_way_round(
    acme: Organization, alice: User, ann: User
) -> None:
    ask(ann, acme)
    join(acme, invited_by=alice, user=ann, role="viewer")
    with all_rows():
        assert not JoinRequest.objects.exists()
        Membership.objects.filter(user=ann).delete()
    request = ask(ann, acme)
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        invitations.invite(by=by, organization=acme, email=ANN, role="owner")
    approve(alice, acme, request)
    with all_rows():
        assert not Invitation.objects.exists()
    assert [e.data["email"] for e in audited(acme.pk) if e.action == "organizations.invitation.withdraw"] == [ANN]


def test_a_key_lists_approves_and_declines(acme: Organization, alice: User, ann: User) -> None:
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        _, text = keys.create(
            by=by, organization=acme, name="people", scopes=PERMISSIONS, expires_in=dt.timedelta(days=1)
        )
    client, base = Client(headers={"authorization": f"Bearer {text}"}), f"/api/v1/organizations/{acme.pk}/join-requests"
    request = ask(ann, acme)
    (listed,) = client.get(base).json()["results"]
    assert (listed["id"], listed["email"], listed["name"]) == (request.pk, ANN, "Ann")
    bad = client.post(f"{base}/{request.pk}/approve", {"role": "root"}, content_type="application/json")
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "role")
    made = client.post(f"{base}/{request.pk}/approve", {"role": "viewer"}, content_type="application/json")
    assert (made.status_code, made.json()["email"]) == (201, ANN)
    assert client.get(made["Location"]).status_code == 200
    assert client.post(f"{base}/{request.pk}/decline").status_code == 404

"""Inviting: whom, how often and again; by page and by API."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.problems import Conflict, Forbidden, NotFound, Problem
from organizations.actions import keys
from organizations.models import Invitation, Membership, Organization, User
from organizations.permissions import PERMISSIONS
from tests.cast import actor_for, found, join, person, session_of
from tests.database import all_rows
from tests.organizations.account_steps import EMAIL, mails_to
from tests.organizations.conftest import audited
from tests.organizations.invitation_steps import invite, make_ended, send_again

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_present_member_is_not_invited_and_the_field_says_so(acme: Organization, alice: User, bob: User) -> None:
    with pytest.raises(Conflict) as refusal:
        invite(alice, acme, bob.email.upper())
    assert (refusal.value.code, refusal.value.field) == ("ALREADY_MEMBER", "email")
    assert mails_to(bob.email.upper()) == []


def test_a_label_that_a_provider_gave_a_member_keeps_nobody_from_being_invited(acme: Organization, alice: User) -> None:
    """The attack: a member's provider says the address of somebody who must not be let in."""
    with all_rows():
        Membership.objects.create(user=User.objects.create_user(EMAIL), organization=acme, role="viewer")
    assert invite(alice, acme).email == EMAIL


def test_one_that_is_sent_again_is_good_for_two_weeks_more_also_after_its_end(acme: Organization, alice: User) -> None:
    invitation = invite(alice, acme)
    make_ended(invitation)
    again = send_again(alice, acme, invitation)
    assert again.expires_at > timezone.now() + dt.timedelta(days=13)
    assert len(mails_to(EMAIL)) == 2
    assert audited(acme.pk)[-1].action == "organizations.invitation.resend"


def test_it_is_sent_again_three_times_an_hour(acme: Organization, alice: User) -> None:
    invitation = invite(alice, acme)
    for _ in range(3):
        send_again(alice, acme, invitation)
    with pytest.raises(Problem) as refusal:
        send_again(alice, acme, invitation)
    assert refusal.value.status == 429
    assert len(mails_to(EMAIL)) == 4


def test_an_admin_does_not_wake_an_owners_invitation(acme: Organization, alice: User) -> None:
    """The attack: an invitation above the admin's own reach has ended, and the admin sends it again."""
    carol = person("carol")
    join(acme, invited_by=alice, user=carol, role="admin")
    invitation = invite(alice, acme, role="owner")
    make_ended(invitation)
    with pytest.raises(Forbidden):
        send_again(carol, acme, invitation)
    with all_rows():
        assert Invitation.objects.get(pk=invitation.pk).expires_at < timezone.now()


def test_many_organizations_together_do_not_flood_one_address(alice: User) -> None:
    for number in range(20):
        invite(alice, found(alice, f"Number {number}"))
    one_more = found(alice, "One more")
    with pytest.raises(Problem) as refusal:
        invite(alice, one_more)
    assert refusal.value.status == 429
    assert len(mails_to(EMAIL)) == 20


def test_many_are_invited_at_once_and_what_fails_is_told_by_line_and_kept(
    acme: Organization, alice: User, bob: User
) -> None:
    browser = session_of(alice)
    lines = f"ann@example.test\nBen <ben@example.test>\n\nnonsense\n{bob.email}\nann@example.test"
    page = browser.post(f"/o/{acme.pk}/members/", {"emails": lines, "role": "viewer"})
    assert page.status_code == 422
    form = page.context["form"]
    assert form["emails"].value() == f"nonsense\n{bob.email}"
    assert [re.split("[: ]", error)[0] for error in form.errors["emails"]] == ["nonsense", bob.email]
    assert [len(mails_to(each)) for each in ("ann@example.test", "ben@example.test", "nonsense")] == [1, 1, 0]
    assert "2 people are invited" in page.content.decode()


def test_an_empty_field_and_too_many_lines_are_told_at_the_field(acme: Organization, alice: User) -> None:
    browser = session_of(alice)
    for lines in ("", " \n,;", "\n".join(f"p{number}@example.test" for number in range(51))):
        page = browser.post(f"/o/{acme.pk}/members/", {"emails": lines, "role": "viewer"})
        assert page.status_code == 422
        assert page.context["form"].errors["emails"]
        assert page.context["form"]["emails"].value() == lines
    with all_rows():
        assert not Invitation.objects.exists()


def test_the_list_tells_what_is_open_and_what_has_ended(acme: Organization, alice: User) -> None:
    make_ended(invite(alice, acme, "old@example.test"))
    invite(alice, acme, "new@example.test")
    page = session_of(alice).get(f"/o/{acme.pk}/members/")
    assert {each.email: each.state for each, _ in page.context["invitations"]} == {
        "old@example.test": "expired",
        "new@example.test": "open",
    }
    assert "by Alice, sent" in page.content.decode()


def by_key(owner: User, organization: Organization) -> Client:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        _, text = keys.create(
            by=actor,
            organization=organization,
            name="people",
            scopes=PERMISSIONS,
            expires_in=dt.timedelta(days=1),
        )
    return Client(headers={"authorization": f"Bearer {text}"})


def test_a_key_invites_sends_again_and_reads_what_became_of_it(acme: Organization, alice: User, bob: User) -> None:
    client, base = by_key(alice, acme), f"/api/v1/organizations/{acme.pk}/invitations"
    given = {"email": EMAIL, "role": "viewer"}
    made = client.post(base, given, content_type="application/json")
    assert made.status_code == 201, made.content
    address = made["Location"]
    assert client.get(address).json()["state"] == "open"
    sent = client.post(f"{address}/resend").json()
    assert sent["sent_at"] >= made.json()["sent_at"]
    assert len(mails_to(EMAIL)) == 2
    refused = client.post(base, {**given, "email": bob.email}, content_type="application/json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "email")
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_nobody_sends_again_what_another_organization_sent(acme: Organization, alice: User, mallory: User) -> None:
    foreign = invite(mallory, found(mallory, "Rival"))
    with pytest.raises(NotFound):
        send_again(alice, acme, foreign)

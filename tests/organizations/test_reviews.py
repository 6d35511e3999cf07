"""Access that stands is looked at again: by the client, or it ends by itself."""

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, NotFound
from organizations import queries, tasks
from organizations.access import NotConfirmed
from organizations.actions import clients, grants, reviews
from organizations.models import Grant, Membership, Organization, User
from tests.cast import actor_for, role_of, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited, written_to


def grant_over(client: Organization) -> Grant:
    with all_rows():
        return Grant.objects.get(client=client)


def review_was_due(client: Organization, *, days: float) -> None:
    with all_rows():
        Grant.objects.filter(client=client).update(review_at=timezone.now() - dt.timedelta(days=days))


def review(client: Organization, owner: User, role: str, days: int | None = None) -> Grant:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        return reviews.review(by=actor, grant=grant_over(client), role_ceiling=role, days=days)


def facts(verb: str) -> int:
    """How often the edge has been told that a grant was limited or has ended."""
    with all_rows():
        return Message.objects.filter(topic=f"organizations.grant.{verb}").count()


def test_the_client_widens_narrows_and_lengthens_and_only_less_is_told_to_the_edge(
    acme: Organization, msp: Organization, alice: User, maria: User, paula: User
) -> None:
    before = facts("limited")
    assert review(acme, alice, "admin").review_at - timezone.now() > dt.timedelta(days=179)
    with rls.acting_as(f"user:{paula.pk}"):
        assert role_of(actor_for(paula), acme) == "admin"
    assert facts("limited") == before
    limited = review(acme, alice, "viewer", days=7)
    assert limited.review_at is None
    assert facts("limited") == before + 1
    with rls.acting_as(f"user:{paula.pk}"):
        assert role_of(actor_for(paula), acme) == "viewer"
    for organization in (acme, msp):
        entry = audited(organization.pk)[-1]
        assert (entry.action, entry.data["before"]) == ("organizations.grant.review", "admin")


def test_the_msp_does_not_review_its_own_access(acme: Organization, alice: User, paula: User, mallory: User) -> None:
    for user, error in ((paula, Forbidden), (mallory, NotFound)):
        with pytest.raises(error):
            review(acme, user, "owner")
    stale = replace(actor_for(alice), confirmed=False)
    with rls.acting_as(stale.rls_actor), pytest.raises(NotConfirmed):
        reviews.review(by=stale, grant=grant_over(acme), role_ceiling="owner")
    with rls.acting_as(stale.rls_actor), pytest.raises(NotConfirmed):
        grants.withdraw(by=stale, grant=grant_over(acme))


def test_access_that_has_ended_is_not_reviewed_back_to_life(acme: Organization, alice: User) -> None:
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        grants.withdraw(by=actor, grant=grant_over(acme))
    with pytest.raises(Conflict):
        review(acme, alice, "viewer")


def test_on_the_day_of_review_both_sides_are_told_once_and_both_pages_mark_it(
    acme: Organization, msp: Organization, alice: User, paula: User
) -> None:
    review_was_due(acme, days=1)
    for _ in range(2):
        tasks.look_for_reviews()
    (to_client,), (to_msp,) = written_to(alice.email), written_to(paula.email)
    assert "Look again at what Northwatch may do" in to_client.subject
    assert "Acme has to review your access" in to_msp.subject
    for user, page in ((alice, f"/o/{acme.pk}/access/"), (paula, f"/o/{msp.pk}/clients/access/")):
        assert "To be reviewed" in session_of(user).get(page).content.decode()
    with rls.acting_as(f"user:{paula.pk}"):
        assert role_of(actor_for(paula), acme) == "operator"


def test_thirty_days_after_an_unmade_review_access_has_ended_also_before_the_clock_comes(
    acme: Organization, msp: Organization, alice: User, paula: User
) -> None:
    review_was_due(acme, days=29.9)
    with rls.acting_as(f"user:{paula.pk}"):
        assert role_of(actor_for(paula), acme) == "operator"
    review_was_due(acme, days=30)
    with rls.acting_as(f"user:{paula.pk}"):
        assert role_of(actor_for(paula), acme) is None
    tasks.look_for_reviews()
    assert grant_over(acme).state == "ended"
    assert facts("ended") == 1
    assert "has no access" in written_to(alice.email)[-1].subject
    assert "has no access" in written_to(paula.email)[-1].subject
    for organization in (acme, msp):
        assert audited(organization.pk)[-1].action == "organizations.grant.end"


def test_access_for_a_time_is_over_when_the_time_is(acme: Organization, alice: User) -> None:
    with all_rows():
        Grant.objects.update(ends_at=timezone.now() - dt.timedelta(seconds=1), review_at=None)
    tasks.look_for_reviews()
    assert grant_over(acme).state == "ended"
    assert "time for which Acme gave Northwatch access is over" in written_to(alice.email)[-1].body


def test_a_client_that_nobody_owns_yet_has_nobody_to_review_and_is_not_lost(msp: Organization, paula: User) -> None:
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        client = clients.create_client(by=actor, msp=msp, name="Young")
    review_was_due(client, days=31)
    tasks.look_for_reviews()
    grant = grant_over(client)
    assert (grant.state, grant.review_at > timezone.now() + dt.timedelta(days=179)) == ("active", True)
    with rls.acting_as(actor.rls_actor):
        assert client in queries.clients_of(actor, msp)
    with all_rows():
        assert not Membership.objects.filter(organization=client).exists()


def test_the_page_confirms_a_review(acme: Organization, alice: User, vera: User, bob: User) -> None:
    review_was_due(acme, days=1)
    path = f"/o/{acme.pk}/grants/{grant_over(acme).pk}/review/"
    assert session_of(bob).post(path, {"role_ceiling": "viewer", "days": ""}).status_code == 403
    assert session_of(alice).post(path, {"role_ceiling": "operator", "days": "90"}).status_code == 302
    assert grant_over(acme).ends_at is not None
    assert "For a time" in session_of(vera).get(f"/o/{acme.pk}/access/").content.decode()


def test_a_review_by_the_api_and_a_number_of_days_that_is_none(acme: Organization, alice: User) -> None:
    browser, path = session_of(alice), f"/api/v1/grants/{grant_over(acme).pk}/review"
    answer = browser.put(path, {"role_ceiling": "viewer", "days": 3}, content_type="application/json")
    assert (answer.status_code, answer.json()["role_ceiling"]) == (200, "viewer")
    refused = browser.put(path, {"role_ceiling": "viewer", "days": "soon"}, content_type="application/json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "days")

"""An MSP's person works in a client only after having chosen to, and everybody can read for whom they did what."""

import datetime as dt
import time
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.models import Message
from organizations.actions import grants
from organizations.models import Grant, Membership, Organization, User
from organizations.msp import working
from tests.cast import actor_for, found_client, session_of
from tests.database import all_rows
from tests.organizations.conftest import audited


def grant_over(client: Organization) -> Grant:
    with all_rows():
        return Grant.objects.get(client=client)


def choose(browser: Client, client: Organization, **more: str) -> Any:
    return browser.post(f"/o/{client.pk}/work/", {"grant": grant_over(client).pk, **more})


def test_a_page_of_a_client_leads_to_the_choice_and_the_choice_back_to_the_page(
    acme: Organization, maria: User
) -> None:
    browser, page = session_of(maria), f"/o/{acme.pk}/members/"
    led = browser.get(page)
    assert led["Location"] == f"/o/{acme.pk}/work/?next=%2Fo%2F{acme.pk}%2Fmembers%2F"
    choice = browser.get(led["Location"]).content.decode()
    assert "Northwatch" in choice
    assert "As operator" in choice
    assert choose(browser, acme, next=page)["Location"] == page
    shown = browser.get(page).content.decode()
    assert "You work in" in shown
    assert "for Northwatch, as operator" in shown


def test_the_line_stands_above_each_page_until_they_leave(acme: Organization, msp: Organization, maria: User) -> None:
    browser = session_of(maria, working_in=acme)
    for page in (f"/o/{acme.pk}/members/", f"/o/{msp.pk}/", f"/o/{msp.pk}/members/"):
        assert "You work in" in browser.get(page).content.decode(), page
    assert browser.post("/work/leave/")["Location"] == f"/o/{msp.pk}/"
    assert "You work in" not in browser.get(f"/o/{msp.pk}/").content.decode()
    assert browser.get(f"/o/{acme.pk}/members/").status_code == 302


def test_a_form_left_open_in_one_client_does_nothing_once_another_is_chosen(
    acme: Organization, msp: Organization, alice: User, paula: User
) -> None:
    """A confused deputy: two tabs, and the person has gone on to the other client."""
    other = found_client(msp, paula, alice, "Bolt")
    with all_rows():
        Grant.objects.filter(msp=msp).update(role_ceiling="owner")
        membership = Membership.objects.get(organization=acme, user__email="vera@example.test")
    browser = session_of(paula, working_in=other)
    answer = browser.post(f"/o/{acme.pk}/members/{membership.pk}/remove/")
    assert answer["Location"].startswith(f"/o/{acme.pk}/work/")
    with all_rows():
        assert Membership.objects.filter(pk=membership.pk).exists()


def test_what_is_done_bears_both_identities_in_the_clients_trail(
    acme: Organization, msp: Organization, paula: User
) -> None:
    grant = grant_over(acme)
    with all_rows():
        Grant.objects.update(role_ceiling="owner")
    browser = session_of(paula)
    choose(browser, acme)
    browser.post(f"/o/{acme.pk}/members/", {"emails": "new@example.test", "role": "viewer"})
    browser.post("/work/leave/")
    begun, done, left = audited(acme.pk)[-3:]
    assert (begun.action, left.action) == ("organizations.work.begin", "organizations.work.end")
    for entry in (begun, done, left):
        assert (entry.actor["user"], entry.actor["msp"], entry.actor["grant"]) == (paula.pk, msp.pk, grant.pk)
    assert [entry.action for entry in audited(msp.pk)[-2:]] == [begun.action, left.action]


def test_leaving_closes_what_the_session_opened_in_that_client(acme: Organization, maria: User) -> None:
    browser = session_of(maria, working_in=acme)
    browser.post("/work/leave/")
    with all_rows():
        fact = Message.objects.get(topic="organizations.work.ended")
    assert fact.payload["session"] == browser.session["session_id"]
    assert fact.payload["organizations"] == [acme.pk]
    assert browser.post("/work/leave/")["Location"] == "/"


def test_going_on_to_another_client_ends_the_work_in_the_first_one_and_both_trails_say_so(
    acme: Organization, msp: Organization, paula: User, alice: User
) -> None:
    other = found_client(msp, paula, alice, "Bolt")
    browser = session_of(paula)
    choose(browser, acme)
    choose(browser, other)
    assert [entry.action for entry in audited(acme.pk)[-2:]] == ["organizations.work.begin", "organizations.work.end"]
    assert audited(other.pk)[-1].action == "organizations.work.begin"
    with all_rows():
        assert not Message.objects.filter(topic="organizations.work.ended").exists(), "dashboards stay open"
    choose(browser, other)
    assert audited(other.pk)[-1].action == "organizations.work.begin", "the same one again ends nothing"


def test_a_choice_is_worth_nothing_without_the_grant(
    acme: Organization, msp: Organization, alice: User, maria: User, mallory: User, rival: Organization
) -> None:
    browser, grant = session_of(maria, working_in=acme), grant_over(acme)
    assert browser.get(f"/o/{acme.pk}/members/").status_code == 200
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        grants.withdraw(by=actor, grant=grant)
    assert browser.get(f"/o/{acme.pk}/members/").status_code == 404
    assert "You work in" not in browser.get(f"/o/{msp.pk}/").content.decode()
    stranger = session_of(mallory)
    forged = stranger.session
    forged[working.KEY] = {"grant": grant.pk, "msp": msp.pk, "at": int(time.time())}
    forged.save()
    assert stranger.get(f"/o/{acme.pk}/members/").status_code == 404


def test_access_that_ends_while_somebody_works_there_ends_with_the_next_click(acme: Organization, maria: User) -> None:
    browser = session_of(maria, working_in=acme)
    assert browser.get(f"/o/{acme.pk}/members/").status_code == 200
    with all_rows():
        Grant.objects.filter(client=acme).update(ends_at=timezone.now() - dt.timedelta(seconds=1))
    assert browser.get(f"/o/{acme.pk}/members/").status_code == 404
    assert browser.post(f"/o/{acme.pk}/work/", {"grant": grant_over(acme).pk}).status_code == 404


def test_another_grant_than_ones_own_can_not_be_chosen(
    acme: Organization, rival: Organization, msp: Organization, maria: User, mallory: User
) -> None:
    review_at = grant_over(acme).review_at
    with all_rows():
        other = Grant.objects.create(msp=rival, client=acme, review_at=review_at)
    browser = session_of(maria)
    assert browser.post(f"/o/{acme.pk}/work/", {"grant": other.pk}).status_code == 404
    assert browser.post(f"/o/{acme.pk}/work/").status_code == 404
    assert session_of(mallory).get(f"/o/{msp.pk}/work/").status_code == 404


def test_the_choice_lasts_eight_hours(acme: Organization, maria: User) -> None:
    browser = session_of(maria, working_in=acme)
    kept = browser.session
    kept[working.KEY] = {**kept[working.KEY], "at": int(time.time()) - working.LASTS_SECONDS}
    kept.save()
    assert browser.get(f"/o/{acme.pk}/members/").status_code == 302


def test_the_organizations_own_people_choose_nothing(acme: Organization, alice: User) -> None:
    browser = session_of(alice)
    assert browser.get(f"/o/{acme.pk}/members/").status_code == 200
    assert browser.get(f"/o/{acme.pk}/work/")["Location"] == f"/o/{acme.pk}/"


def test_a_member_who_also_works_there_for_an_msp_acts_as_what_they_chose(acme: Organization, maria: User) -> None:
    with all_rows():
        Membership.objects.create(user=maria, organization=acme, role="admin")
    invite = {"emails": "new@example.test", "role": "viewer"}
    assert session_of(maria).post(f"/o/{acme.pk}/members/", invite).status_code == 302
    assert "grant" not in audited(acme.pk)[-1].actor
    refused = session_of(maria, working_in=acme).post(f"/o/{acme.pk}/members/", {**invite, "emails": "b@example.test"})
    assert refused.status_code == 403


def test_the_api_says_by_session_that_a_choice_is_missing_and_lists_still_show_every_client(
    acme: Organization, msp: Organization, maria: User
) -> None:
    browser = session_of(maria)
    refused = browser.get(f"/api/v1/organizations/{acme.pk}/members")
    assert (refused.status_code, refused.json()["code"]) == (403, "CHOOSE_CLIENT")
    listed = browser.get("/api/v1/organizations").json()["results"]
    assert {row["id"] for row in listed} == {acme.pk, msp.pk}
    assert "Acme" in browser.get(f"/o/{msp.pk}/").content.decode()


@pytest.mark.parametrize("address", ["//evil.test/", "https://evil.test/"])
def test_the_choice_leads_to_pages_of_ours_only(address: str, acme: Organization, maria: User) -> None:
    assert choose(session_of(maria), acme, next=address)["Location"] == "/"


def test_a_part_of_a_page_that_reads_itself_anew_is_refused_and_not_led_away(acme: Organization, maria: User) -> None:
    answer = session_of(maria).get(f"/o/{acme.pk}/activity/", headers={"HX-Request": "true"})
    assert answer.status_code == 403

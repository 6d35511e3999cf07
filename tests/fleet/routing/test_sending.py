"""Notices on their way: tried again, given up, sent again."""

import pytest

from controlplane import rls
from controlplane.celery import app
from controlplane.problems import Conflict
from fleet.routing import actions, sending, tasks
from organizations.sso import outgoing
from tests.cast import actor_for, session_of
from tests.fleet.alerts.conftest import alerts, beat
from tests.fleet.alerts.test_inbox import handle
from tests.fleet.routing.conftest import later, notices, send_due
from tests.tenants.conftest import deliver

pytestmark = pytest.mark.django_db


def test_what_is_refused_for_the_moment_is_tried_again_and_taken(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    outside.answers = [503, outgoing.OutgoingRefused("The destination's address did not answer (ConnectTimeout)."), 200]
    bring(office)
    for state in ("waiting", "waiting", "sent"):
        send_due()
        assert notices()[0].state == state
        later()
    assert (notices()[0].attempts, notices()[0].last_error) == (3, "")
    assert len(outside.posted) == 3


def test_what_is_refused_for_good_is_given_up_at_once_and_can_be_sent_again(
    office, bring, acme, alice, tell_to, outside
):
    tell_to(alice, acme)
    outside.answers = [404]
    bring(office)
    send_due()
    (notice,) = notices()
    assert (notice.state, notice.last_error, notice.next_attempt_at) == ("failed", "It answered 404.", None)
    page = session_of(alice)
    assert "It answered 404." in page.get(f"/o/{acme.pk}/alerts/routing/").content.decode()
    assert page.post(f"/o/{acme.pk}/alerts/routing/notices/{notice.pk}/replay/").status_code == 302
    send_due()
    assert notices()[0].state == "sent"
    assert page.post(f"/o/{acme.pk}/alerts/routing/notices/{notice.pk}/replay/").status_code == 409


def test_after_many_attempts_it_is_given_up(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    outside.answers = [500] * 20
    bring(office)
    for _ in range(len(sending.PAUSES) + 3):
        send_due()
        later()
    assert (notices()[0].state, len(outside.posted)) == ("failed", len(sending.PAUSES) + 1)


def test_a_worker_that_dies_loses_nothing(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    bring(office)
    outside.answers = [SystemExit()]
    with pytest.raises(SystemExit):
        send_due()
    (notice,) = notices()
    assert (notice.state, notice.attempts, sending.due()) == ("waiting", 1, [])
    later()
    send_due()
    assert [(each.state, each.attempts) for each in notices()] == [("sent", 2)]
    assert len(outside.posted) == 2


def test_a_lost_wake_up_is_made_up_for_by_the_sweep(office, bring, acme, alice, tell_to, outside, monkeypatch):
    woken = []
    monkeypatch.setattr(tasks, "wake", lambda task, *args, queue: woken.append((task.name, args)))
    tell_to(alice, acme)
    bring(office)
    deliver()
    (notice,) = notices()
    beat("sweep-notices")
    assert woken == [("fleet.tasks.send_notice", (acme.pk, notice.pk))]
    app.tasks[woken[0][0]](*woken[0][1])
    assert notices()[0].state == "sent"
    beat("sweep-notices")
    assert len(woken) == 1


def test_one_that_was_claimed_is_not_sent_twice(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    bring(office)
    send_due()
    (notice,) = notices()
    sending.send(notice.organization_id, notice.pk)
    assert len(outside.posted) == 1


def test_an_end_is_given_up_with_its_beginning(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    outside.answers = [500, 400]
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "close")
    for _ in range(3):
        send_due()
        later()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger", "trigger"]
    assert [(each.what, each.state, each.last_error) for each in notices()] == [
        ("raised", "failed", "It answered 400."),
        ("closed", "failed", "It was not told that this was raised."),
    ]


def test_what_is_closed_by_now_is_not_told_to_be_raised_again(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    outside.answers = [400]
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "close")
    (notice,), by = notices(), actor_for(alice)
    with rls.acting_as(by.rls_actor), pytest.raises(Conflict, match="not open any more"):
        actions.replay(by=by, notice=notice)
    send_due()
    assert (notices()[0].state, len(outside.posted)) == ("failed", 1)


def test_an_end_waits_for_its_beginning(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    outside.answers = [500]
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "close")
    send_due()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger"]
    for _ in range(2):
        later()
        send_due()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger", "trigger", "resolve"]

"""Checks of the platform's components, and what rows and days are made of what they see."""

import datetime as dt

import httpx
import pytest
from django.utils import timezone

from controlplane.models import Delivery
from tenants.provisioning import feed
from tenants.status import board, components, periods, probes, tasks
from tenants.status.models import ComponentPeriod
from tenants.status.periods import Stretch
from tenants.status.probes import WELL, Reading
from tests.database import all_rows

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
DOWN = Reading("down", "HTTP 502")
HALF = dt.timedelta(seconds=30)


def rows(component="portal"):
    found = ComponentPeriod.objects.filter(component=component).order_by("began_at", "id")
    return [(each.state, each.began_at, each.seen_until) for each in found]


def test_a_check_that_sees_the_same_again_makes_no_row():
    for number in range(5):
        periods.note("portal", WELL, NOON + number * HALF)
    assert rows() == [("operational", NOON, NOON + 4 * HALF)]


def test_another_state_ends_the_row_at_that_moment_and_begins_another():
    periods.note("portal", WELL, NOON)
    periods.note("portal", DOWN, NOON + HALF)
    assert rows() == [("operational", NOON, NOON + HALF), ("down", NOON + HALF, NOON + HALF)]


def test_what_nobody_looked_at_is_covered_by_no_row():
    later = NOON + dt.timedelta(hours=2)
    periods.note("portal", WELL, NOON)
    periods.note("portal", WELL, later)
    assert rows() == [("operational", NOON, NOON), ("operational", later, later)]
    (newest,) = ComponentPeriod.objects.filter(newest=True)
    assert newest.began_at == later


def test_of_two_checks_at_once_the_later_row_is_refused_and_nobody_fails(monkeypatch):
    periods.note("portal", WELL, NOON)
    monkeypatch.setattr(ComponentPeriod.objects, "select_for_update", ComponentPeriod.objects.none)
    periods.note("portal", DOWN, NOON + HALF)
    monkeypatch.undo()
    assert [state for state, *_ in rows()] == ["operational"]


def test_without_a_look_lately_the_state_is_unknown_whatever_it_was():
    periods.note("portal", WELL, NOON)
    (newest,) = ComponentPeriod.objects.all()
    assert periods.state_now(newest, NOON + periods.GAP) == "operational"
    assert periods.state_now(newest, NOON + periods.GAP + HALF) == "unknown"


def test_a_day_is_called_by_its_worst_and_counts_only_what_is_known():
    listed = [
        Stretch("operational", NOON - dt.timedelta(hours=13), NOON - dt.timedelta(hours=2)),
        Stretch("down", NOON - dt.timedelta(hours=2), NOON - dt.timedelta(hours=1)),
    ]
    before, yesterday, today = periods.days_of(listed, NOON.date(), 3)
    assert (before.state, before.known) == ("unknown", 0)
    assert (yesterday.state, yesterday.seconds) == ("operational", {"operational": 3600})
    assert today.state == "down"
    assert today.seconds == {"operational": 10 * 3600, "down": 3600}
    assert periods.up_share([before, yesterday, today]) == pytest.approx(100 * 11 / 12, abs=0.001)
    assert periods.up_share([before]) is None


def test_history_that_is_shown_no_more_is_forgotten_and_what_goes_on_stays():
    old = NOON - dt.timedelta(days=200)
    periods.note("portal", WELL, old)
    periods.note("api", WELL, old)
    ComponentPeriod.objects.filter(component="api").update(seen_until=NOON)
    periods.forget(NOON)
    assert [each.component for each in ComponentPeriod.objects.all()] == ["api"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"status": 200, "json": {"status": "ready", "checks": {"database": "ok", "broker": "ok"}}}, "operational"),
        ({"status": 200, "json": {"checks": {"database": "ok", "broker": "unreachable"}}}, "degraded"),
        ({"status": 503, "json": {"checks": {"database": "unreachable", "broker": "ok"}}}, "down"),
        ({"status": 200, "text": "<html>a captive portal</html>"}, "down"),
    ],
)
def test_the_portal_is_as_ready_as_it_says_itself(respx_mock, answer, state):
    said = {name: value for name, value in answer.items() if name != "status"}
    respx_mock.get("http://portal.test/readyz").respond(answer["status"], **said)
    assert probes.portal_is_ready("http://portal.test/readyz").state == state


def test_a_door_works_if_it_refuses_in_the_edges_own_words(respx_mock):
    door = respx_mock.post("http://edge.test/api/agents/enroll")
    door.respond(401, json={"code": "TOKEN_UNKNOWN", "message": ""})
    assert probes.refuses("POST", "http://edge.test/api/agents/enroll") == WELL
    door.respond(404, text="nginx")
    assert probes.refuses("POST", "http://edge.test/api/agents/enroll") == Reading("down", "HTTP 404")
    door.respond(500, json={"code": "INTERNAL"})
    assert probes.refuses("POST", "http://edge.test/api/agents/enroll").state == "down"


def test_one_lost_packet_is_no_outage_and_two_are(respx_mock):
    door = respx_mock.get("http://edge.test/readyz")
    door.side_effect = [httpx.ConnectError("reset"), httpx.Response(200)]
    assert probes.answers("http://edge.test/readyz", 200) == WELL
    door.side_effect = httpx.ConnectTimeout("slow")
    assert probes.answers("http://edge.test/readyz", 200) == Reading("down", "ConnectTimeout")
    assert door.call_count == 4


@pytest.mark.parametrize(("late", "state"), [(10, "operational"), (120, "degraded"), (1200, "down")])
def test_background_work_is_as_late_as_what_waits_longest(new_tenant, late, state):
    new_tenant()
    with all_rows():
        Delivery.objects.update(next_attempt_at=timezone.now() - dt.timedelta(seconds=late), delivered_at=None)
    assert probes.work_is_done().state == state


def test_a_cell_whose_changes_nobody_reads_is_degraded(cell, monkeypatch):
    monkeypatch.setattr(probes.time, "sleep", lambda _: None)
    assert probes.changes_are_read("lo").state == "degraded"
    owner = feed.claim_feed("lo")
    assert probes.changes_are_read("lo") == WELL
    feed.release("lo", owner)


def test_beat_has_every_component_looked_at_and_a_cell_by_a_task_of_its_own(cell, respx_mock, monkeypatch):
    monkeypatch.setattr(probes.time, "sleep", lambda _: None)
    woken = []
    monkeypatch.setattr(tasks, "wake", lambda task, *given, queue: woken.append((task.name, given)))
    respx_mock.route().respond(503)
    tasks.check_platform()
    assert woken == [("tenants.tasks.check_cell", ("lo",))]
    tasks.check_cell("lo")
    seen = set(ComponentPeriod.objects.values_list("component", flat=True))
    assert seen == {each.key for each in components.everything()}


def test_the_board_says_the_worst_and_that_there_is_no_news(cell):
    assert board.platform()["state"] == "unknown"
    now = timezone.now()
    for each in components.everything():
        periods.note(each.key, WELL, now)
    assert board.platform()["state"] == "operational"
    periods.note("lo-events", DOWN, now)
    assert board.platform()["state"] == "down"
    names = [group["name"] for group in board.platform()["groups"]]
    assert names == ["Portal", "Edge, any place (lo)"]

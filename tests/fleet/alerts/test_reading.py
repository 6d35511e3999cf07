"""From a tenant's stream into rows: each alert is counted once, whatever dies in between."""

import datetime as dt

import httpx
import jwt
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane import rls
from fleet.alerts import cursors, reading, recording, tasks
from fleet.alerts.models import Alert, AlertCursor
from fleet.alerts.reading import FIRST_LOOK, PAGES_A_STRETCH
from tenants.provisioning import claims
from tenants.provisioning.models import Cell
from tenants.provisioning.reconciler import reconcile
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts, beat, cursor_of, mark
from tests.tenants.conftest import read_feed
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


def read(tenant) -> None:
    reading.read(tenant.organization_id, tenant.pk)


def test_a_mark_in_the_feed_brings_alerts_into_the_inbox(office, edge, monkeypatch):
    woken = []
    monkeypatch.setattr("fleet.alerts.feed.wake_on_commit", lambda task, *args, queue: woken.append((args, queue)))
    latest = edge.alert(office.pk, level=12)
    edge.publish(office.pk, "alerts", {"latest": latest, "highest": 12})
    read_feed()
    assert woken == [((office.organization_id, office.pk), "interactive")]
    tasks.read_alerts(*woken[0][0])
    (alert,) = alerts()
    assert (alert.organization_id, alert.tenant_id, alert.state) == (office.organization_id, office.pk, "open")
    assert (alert.severity, alert.level, alert.count) == ("high", 12, 1)
    assert (alert.rule_id, alert.agent_id, alert.agent_name) == ("5763", "001", "web-001")
    assert (alert.techniques, alert.tactics) == (["T1110"], ["Credential Access"])


def test_what_is_not_grave_waits_behind_other_bulk_work(office, edge, monkeypatch):
    woken = []
    monkeypatch.setattr("fleet.alerts.feed.wake_on_commit", lambda task, *args, queue: woken.append(queue))
    edge.publish(office.pk, "alerts", {"latest": 1, "highest": 11})
    read_feed()
    assert woken == ["bulk"]


@pytest.mark.parametrize(
    ("level", "severity"), [(7, "medium"), (11, "medium"), (12, "high"), (14, "high"), (15, "critical")]
)
def test_severity_is_by_level_and_what_is_below_seven_does_not_come(office, bring, level, severity):
    bring(office, level=6, rule="1")
    bring(office, level=level, rule="2")
    assert [alert.severity for alert in alerts()] == [severity]


def test_the_same_again_counts_and_what_is_graver_raises_it(office, bring):
    bring(office, level=10, times=2)
    bring(office, level=15, title="now it is worse")
    (alert,) = alerts()
    assert (alert.count, alert.severity, alert.title) == (3, "critical", "now it is worse")
    assert (alert.first_seq, alert.last_seq, alert.recent) == (1, 3, [1, 2, 3])


def test_after_it_was_closed_the_same_is_another_alert(office, bring):
    bring(office)
    with all_rows():
        Alert.objects.update(state="closed", closed_at=timezone.now())
    bring(office)
    assert sorted(alert.state for alert in alerts()) == ["closed", "open"]
    assert [alert.count for alert in alerts()] == [1, 1]


def test_a_storm_costs_few_writes(office, edge, monkeypatch):
    monkeypatch.setattr(reading, "A_PAGE", 100)
    monkeypatch.setattr(reading, "PAGES_A_STRETCH", 10)
    edge.alert(office.pk, times=3000)
    mark(office)
    with CaptureQueriesContext(connection) as said:
        read(office)
    writes = [each["sql"] for each in said if each["sql"].startswith(("INSERT", "UPDATE"))]
    assert alerts()[0].count == 3000
    assert edge.count("/api/events") == 30
    assert len(writes) < 12


def test_nothing_is_counted_twice_when_a_reader_dies_before_or_after_its_write(office, edge, monkeypatch):
    edge.alert(office.pk, times=5)
    mark(office)

    def dies(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(reading, "record", dies)
        with pytest.raises(SystemExit):
            read(office)
    assert alerts() == []
    lapse(office)
    with monkeypatch.context() as patch:
        patch.setattr(cursors, "give_back", dies)
        with pytest.raises(SystemExit):
            read(office)
    assert [alert.count for alert in alerts()] == [5]
    lapse(office)
    read(office)
    assert [alert.count for alert in alerts()] == [5]


def lapse(tenant) -> None:
    """As if the reader's lease had ended, and nobody had given anything back."""
    with all_rows():
        AlertCursor.objects.filter(pk=tenant.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))


def test_a_reader_that_was_overtaken_counts_nothing(office, edge, monkeypatch):
    edge.alert(office.pk, times=5)
    mark(office)
    ours = recording.record

    def slowly(tenant, groups) -> None:
        AlertCursor.objects.filter(pk=tenant.pk).update(lease_owner="another")
        ours(tenant, groups)

    monkeypatch.setattr(reading, "record", slowly)
    read(office)
    assert alerts() == []


def test_one_reads_at_a_time(office, edge):
    edge.alert(office.pk)
    mark(office)
    with rls.acting_as(f"org:{office.organization_id}"):
        assert cursors.claim(office.pk)
    before = len(edge.calls)
    read(office)
    assert (alerts(), len(edge.calls)) == ([], before)


def test_a_mark_that_comes_while_somebody_reads_is_not_lost(office, edge, monkeypatch):
    edge.alert(office.pk)
    mark(office)
    ours = recording.record

    def while_marked(tenant, groups) -> None:
        ours(tenant, groups)
        edge.alert(office.pk)
        cursors.make_due(tenant)

    with monkeypatch.context() as patch:
        patch.setattr(reading, "record", while_marked)
        read(office)
    assert cursors.due() == [{"tenant_id": office.pk, "organization_id": office.organization_id}]
    read(office)
    assert alerts()[0].count == 2
    assert cursors.due() == []


def test_a_lost_wake_up_is_made_up_for_by_the_sweep(office, edge, monkeypatch):
    woken = []
    monkeypatch.setattr(tasks, "wake", lambda task, *args, queue: woken.append((task.name, args)))
    edge.alert(office.pk)
    mark(office)
    beat("sweep-alerts")
    assert woken == [("fleet.tasks.read_alerts", (office.organization_id, office.pk))]


def test_an_edge_that_is_away_loses_nothing(office, edge):
    edge.alert(office.pk)
    mark(office)
    edge.fail_next("/api/events", httpx.ConnectError("away"))
    read(office)
    cursor = cursor_of(office)
    assert (alerts(), cursor.read_to, cursor.lease_owner) == ([], None, "")
    assert cursor.due_at > timezone.now()
    mark(office)
    read(office)
    assert len(alerts()) == 1


def test_what_was_read_before_the_edge_went_away_stays_counted(office, edge, monkeypatch):
    monkeypatch.setattr(reading, "A_PAGE", 10)
    monkeypatch.setattr(reading, "PAGES_A_STRETCH", 1)
    edge.alert(office.pk, times=25)
    mark(office)
    ours = reading.record

    def then_away(tenant, groups) -> None:
        ours(tenant, groups)
        edge.fail_next("/api/events", refusal(503, "BUSY", retryable=True))

    with monkeypatch.context() as patch:
        patch.setattr(reading, "record", then_away)
        read(office)
    assert (alerts()[0].count, cursor_of(office).read_to) == (10, 10)
    edge.failures.clear()
    mark(office)
    read(office)
    assert alerts()[0].count == 25


def test_a_stream_is_first_read_from_lately_and_then_from_where_it_was(office, edge):
    edge.alert(office.pk, rule="old", ago=FIRST_LOOK.total_seconds() + 60)
    edge.alert(office.pk, rule="new")
    mark(office)
    read(office)
    assert [alert.rule_id for alert in alerts()] == ["new"]
    assert b"from=" in edge.requests[-1].url.query
    edge.alert(office.pk, rule="newer")
    mark(office)
    read(office)
    assert b"after=2" in edge.requests[-1].url.query
    assert b"from=" not in edge.requests[-1].url.query
    assert [alert.count for alert in alerts()] == [1, 1]


def test_of_a_log_that_was_set_back_only_what_is_later_is_counted(office, edge, bring):
    bring(office, times=5, ago=100)
    edge.logs[office.pk] = edge.logs[office.pk][:2]
    bring(office, ago=50)
    assert (cursor_of(office).read_to, alerts()[0].last_seq) == (3, 3)
    assert alerts()[0].count == 6


def test_after_the_feed_was_lost_streams_are_looked_at(office, edge, bring):
    bring(office)
    edge.alert(office.pk)
    with all_rows():
        claims.refresh_cell(Cell.objects.get().pk)
    reconcile(office.pk)
    assert [row["tenant_id"] for row in cursors.due()] == [office.pk]
    read(office)
    assert alerts()[0].count == 2


def test_the_stream_is_read_with_the_platforms_own_credential(office, edge, bring):
    bring(office)
    bearer = edge.requests[-1].headers["Authorization"].split()[1]
    told = jwt.decode(bearer, options={"verify_signature": False})
    assert (told["tenant"], told["scope"], told["session"]) == (office.pk, "events:read", "alert_inbox")


def test_pages_of_a_stretch_are_bounded(office, edge, monkeypatch):
    monkeypatch.setattr(reading, "A_PAGE", 1)
    monkeypatch.setattr(reading, "STRETCHES_A_SHIFT", 1)
    edge.alert(office.pk, times=PAGES_A_STRETCH + 5)
    mark(office)
    read(office)
    assert alerts()[0].count == PAGES_A_STRETCH
    assert len(cursors.due()) == 1
    read(office)
    assert alerts()[0].count == PAGES_A_STRETCH + 5

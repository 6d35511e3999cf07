"""Maintenance windows: when the next one is, what waits for it, and what becomes of it when it begins or is missed."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry, Mail
from controlplane.problems import Conflict, Forbidden, Invalid
from tenants.protection.backups import actions as backups
from tenants.protection.backups.models import Backup
from tenants.protection.maintenance import rotation
from tenants.protection.maintenance import window as maintenance
from tenants.provisioning import actions, scheduling, tasks, versions
from tenants.provisioning.models import Operation
from tenants.provisioning.problems import NotPossibleNow
from tenants.provisioning.reconciler import reconcile
from tenants.provisioning.windows import Window
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, make_due, operation_of, read_feed, states

SUNDAYS = {"days": ["sun"], "start": "02:00", "minutes": 120, "time_zone": "Europe/Berlin"}
UTC = dt.UTC


# The next window


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (dt.datetime(2026, 11, 27, 12, tzinfo=UTC), dt.datetime(2026, 11, 29, 1, tzinfo=UTC)),
        # In summer the same time of the day is another one in UTC.
        (dt.datetime(2026, 7, 1, 12, tzinfo=UTC), dt.datetime(2026, 7, 5, 0, tzinfo=UTC)),
        # One that has begun is not the next.
        (dt.datetime(2026, 11, 29, 1, tzinfo=UTC), dt.datetime(2026, 12, 6, 1, tzinfo=UTC)),
        # Still Saturday in UTC, and Sunday where the window is.
        (dt.datetime(2026, 11, 28, 23, 30, tzinfo=UTC), dt.datetime(2026, 11, 29, 1, tzinfo=UTC)),
        # The night in which the clocks are moved on at 02:00.
        (dt.datetime(2026, 3, 28, 12, tzinfo=UTC), dt.datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ],
)
def test_the_next_window_follows_the_clocks_of_its_time_zone(now, begins):
    assert Window.read(SUNDAYS).next_after(now) == (begins, begins + dt.timedelta(hours=2))


def test_a_window_is_read_whole_or_every_fault_is_named():
    wrong = {"days": ["someday"], "start": "25:00", "minutes": 5, "time_zone": "Mars/Olympus"}
    with pytest.raises(Invalid) as refused:
        Window.read(wrong)
    assert [error.field.partition(".")[2] for error in refused.value.errors] == [
        "days",
        "start",
        "minutes",
        "time_zone",
    ]
    assert Window.read(SUNDAYS).words == "Sunday at 02:00 for 2 h (Europe/Berlin)"


# What waits for it

pytestmark = pytest.mark.django_db


@pytest.fixture
def windowed(running, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        return maintenance.set_window(by=alice_acts, tenant=running, window=SUNDAYS)


@pytest.fixture
def scheduled(windowed, alice_acts) -> Operation:
    """A change of version that waits for the window."""
    with rls.acting_as(alice_acts.rls_actor):
        return versions.upgrade(by=alice_acts, tenant=windowed, version="4.14.6", when="window")


def let_it_be(operation: Operation, *, begins: dt.timedelta, lasts: dt.timedelta = dt.timedelta(hours=2)) -> None:
    """Let the window begin in such a time from now, or before."""
    at = timezone.now() + begins
    with all_rows():
        Operation.objects.filter(pk=operation.pk).update(scheduled_for=at, window_ends_at=at + lasts)


def beat() -> None:
    """What beat and the workers do: look at everything that is due."""
    for row in scheduling.due():
        tasks.begin_scheduled(row["organization_id"], row["id"])


def mails(template: str) -> list[Mail]:
    with all_rows():
        return list(Mail.objects.filter(template=template))


def test_what_waits_blocks_nothing_and_is_announced(windowed, scheduled, edge, alice_acts, alice):
    assert (scheduled.state, scheduled.is_open, fresh(windowed).status) == ("scheduled", False, "running")
    assert scheduled.scheduled_for.astimezone(UTC).weekday() == 6
    assert set(states(scheduled).values()) == {"pending"}
    assert fresh(windowed).spec["version"] == "4.14.7"
    (mail,) = mails("maintenance_scheduled")
    assert mail.to == alice.email
    with rls.acting_as(alice_acts.rls_actor):
        with pytest.raises(Conflict) as refused:
            rotation.rotate_certificates(by=alice_acts, tenant=windowed, when="window")
        assert refused.value.code == "OPERATION_SCHEDULED"
        assert rotation.rotate_certificates(by=alice_acts, tenant=windowed).state == "queued"
    with pytest.raises(IntegrityError), transaction.atomic(), all_rows():
        Operation.objects.create(
            organization_id=windowed.organization_id, tenant=windowed, kind="x", base_generation=0, state="scheduled"
        )


def test_whoever_schedules_it_the_organizations_own_admins_are_told(windowed, maria, alice, msp):
    actor = actor_for(maria)
    with rls.acting_as(actor.rls_actor):
        versions.upgrade(by=actor, tenant=windowed, version="4.14.6", when="window")
    assert [mail.to for mail in mails("maintenance_scheduled")] == [alice.email]


def test_it_begins_in_its_window_under_its_own_id_and_once(windowed, scheduled, edge):
    let_it_be(scheduled, begins=dt.timedelta(minutes=-1))
    due = scheduling.due()
    for row in [*due, *due]:
        scheduling.look(row["organization_id"], row["id"])
    assert fresh(scheduled).state == "queued"
    reconcile(windowed.pk)
    body = edge.bodies[windowed.pk]
    assert (body["operation_id"], body["plan"]["version"]) == (scheduled.pk, "4.14.6")
    edge.finish(windowed.pk)
    read_feed()
    assert (fresh(scheduled).state, fresh(windowed).status, edge.count("PUT")) == ("succeeded", "running", 2)
    assert scheduling.due() == []
    with all_rows():
        entry = AuditEntry.objects.get(action="tenants.operation.begin")
    assert (entry.actor["kind"], entry.data["operation"]) == ("system", scheduled.pk)


def test_people_are_told_once_an_hour_before(windowed, scheduled):
    beat()
    assert mails("maintenance_soon") == []
    let_it_be(scheduled, begins=dt.timedelta(minutes=50))
    beat()
    beat()
    assert len(mails("maintenance_soon")) == 1
    assert fresh(scheduled).state == "scheduled"


def test_a_tenant_that_is_busy_is_tried_until_the_end_and_then_it_is_told_as_missed(
    windowed, scheduled, edge, alice_acts
):
    with rls.acting_as(alice_acts.rls_actor):
        actions.stop(by=alice_acts, tenant=windowed)
    let_it_be(scheduled, begins=dt.timedelta(minutes=-5))
    beat()
    assert fresh(scheduled).state == "scheduled"
    let_it_be(scheduled, begins=dt.timedelta(hours=-3))
    beat()
    missed = fresh(scheduled)
    assert (missed.state, missed.error["code"]) == ("failed", "WINDOW_MISSED")
    assert "still going on" in missed.error["message"]
    assert len(mails("maintenance_missed")) == 1
    assert fresh(windowed).spec["version"] == "4.14.7"


@pytest.mark.parametrize("kind", ["upgrade", "resize"])
def test_what_nobody_was_there_to_begin_does_not_begin_late_nor_by_a_retry(windowed, scheduled, edge, alice_acts, kind):
    with all_rows():
        Operation.objects.filter(pk=scheduled.pk).update(kind=kind)
    let_it_be(scheduled, begins=dt.timedelta(hours=-3))
    beat()
    assert fresh(scheduled).error["code"] == "WINDOW_MISSED"
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        actions.retry(by=alice_acts, operation=fresh(scheduled))
    make_due(windowed)
    reconcile(windowed.pk)
    assert edge.count("PUT") == 1


def test_what_is_no_more_to_be_had_when_it_begins_is_not_begun(windowed, scheduled, cell):
    with all_rows():
        cell.versions = ["4.14.7"]
        cell.save()
    let_it_be(scheduled, begins=dt.timedelta(minutes=-5))
    beat()
    let_it_be(scheduled, begins=dt.timedelta(hours=-3))
    beat()
    assert "not on offer" in fresh(scheduled).error["message"]


def test_it_is_cancelled_until_it_begins_and_goes_with_its_tenant(windowed, scheduled, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        actions.cancel(by=alice_acts, operation=scheduled)
    let_it_be(scheduled, begins=dt.timedelta(minutes=-5))
    beat()
    assert (fresh(scheduled).state, edge.count("PUT")) == ("cancelled", 1)


def test_what_changes_no_spec_waits_as_well(windowed, edge, alice_acts):
    edge.backed_up(windowed.pk, "bak_" + "d" * 20)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        backup = Backup.objects.get()
        waiting = backups.restore(by=alice_acts, backup=backup, confirm_name="Office", when="window")
    deliver()
    assert edge.count("/restore") == 0
    let_it_be(waiting, begins=dt.timedelta(minutes=-1))
    beat()
    deliver()
    edge.finish(windowed.pk)
    read_feed()
    assert (edge.count("/restore"), fresh(waiting).state) == (1, "succeeded")


def test_one_that_was_scheduled_and_failed_is_not_overtaken_by_what_ran_meanwhile(
    windowed, scheduled, edge, alice_acts
):
    with rls.acting_as(alice_acts.rls_actor):
        actions.stop(by=alice_acts, tenant=windowed)
    for act in (None, actions.start):
        if act:
            with rls.acting_as(alice_acts.rls_actor):
                act(by=alice_acts, tenant=fresh(windowed))
        reconcile(windowed.pk)
        edge.finish(windowed.pk)
        read_feed()
    with all_rows():
        Operation.objects.filter(pk=scheduled.pk).update(kind="resize", arguments={})
        plan = fresh(windowed).organization.subscription.plan
        plan.roles = {**plan.roles, "indexer": {"count": 1, "instance": "standard-4"}}
        plan.save()
    let_it_be(scheduled, begins=dt.timedelta(minutes=-1))
    beat()
    reconcile(windowed.pk)
    edge.break_run(windowed.pk, "indexer")
    read_feed()
    with rls.acting_as(alice_acts.rls_actor):
        assert actions.retry(by=alice_acts, operation=fresh(scheduled)).state == "queued"


def test_without_a_window_nothing_waits_and_only_who_operates_sets_one(running, alice_acts, vera):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(Invalid) as refused:
        versions.upgrade(by=alice_acts, tenant=running, version="4.14.6", when="window")
    assert refused.value.field == "when"
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        maintenance.set_window(by=actor, tenant=running, window=SUNDAYS)


def test_programs_set_the_window_and_wait_for_it(api, running):
    faulty = api.send("PATCH", f"tenants/{running.pk}", {"maintenance_window": {**SUNDAYS, "time_zone": "Mars"}})
    assert (faulty.status_code, faulty.json()["errors"][0]["field"]) == (422, "maintenance_window.time_zone")
    told = api.send("PATCH", f"tenants/{running.pk}", {"maintenance_window": SUNDAYS}).json()
    assert told["maintenance_window"] == SUNDAYS
    wish = {"version": "4.14.6", "when": "window"}
    before = api.post(f"tenants/{running.pk}/upgrade?validate_only=true", wish).json()
    asked = api.post(f"tenants/{running.pk}/upgrade", wish).json()["operation"]
    assert asked["state"] == "scheduled"
    assert before["begins_at"] == asked["scheduled_for"]
    listed = api.get("operations", state="scheduled").json()["results"]
    assert [each["id"] for each in listed] == [asked["id"]]
    assert api.post(f"operations/{asked['id']}/cancel").json()["state"] == "cancelled"
    cleared = api.send("PATCH", f"tenants/{running.pk}", {"maintenance_window": None}).json()
    assert cleared["maintenance_window"] is None


def test_pages_set_the_window_and_offer_it(running, alice, edge):
    client = session_of(alice)
    settings = f"/t/{running.pk}/settings/"
    assert "None: what is asked for begins at once" in client.get(settings).content.decode()
    chosen = {"days": ["sat", "sun"], "start": "03:30", "minutes": "60", "time_zone": "UTC"}
    page = client.post(f"/t/{running.pk}/maintenance-window/", chosen, follow=True).content.decode()
    assert "Saturday, Sunday at 03:30 for 1 h (UTC)" in page
    wrong = client.post(f"/t/{running.pk}/maintenance-window/", {**chosen, "time_zone": "Mars"})
    assert (wrong.status_code, "Expected a time zone" in wrong.content.decode()) == (422, True)
    assert client.post(f"/t/{running.pk}/maintenance-window/", {"start": "03:30"}).status_code == 422
    assert "In the window, " in page
    done = client.post(f"/t/{running.pk}/rotate-certificates/", {"when": "window"}, follow=True).content.decode()
    assert "has it scheduled for its maintenance window" in done
    waiting = operation_of(running)
    page = client.get(f"/t/{running.pk}/operations/{waiting.pk}/").content.decode()
    assert "Scheduled" in page
    assert "Nothing has begun yet: it simply ends." in page
    assert "begins <time" in client.get(f"/t/{running.pk}/operations/").content.decode()
    client.post(f"/t/{running.pk}/operations/{waiting.pk}/cancel/")
    assert fresh(waiting).state == "cancelled"
    assert client.post(f"/t/{running.pk}/rotate-certificates/", {"when": "later"}).status_code == 422

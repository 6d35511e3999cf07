"""Celery's messages are wake-ups: what they carry, and what happens without them."""

import pytest
from django.conf import settings

from controlplane import rls
from tenants.provisioning import claims, tasks, wakeups
from tenants.provisioning.models import Cell
from tests.tenants.conftest import fresh
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch):
    """Task names and arguments that were sent."""
    sent = []

    def wake(task, *arguments, queue=None):
        sent.append((task.name, arguments, queue))

    monkeypatch.setattr(tasks, "wake", wake)
    monkeypatch.setattr(wakeups, "wake_on_commit", wake)
    return sent


def test_a_wake_up_is_sent_with_the_intent_and_carries_an_id_only(woken, new_tenant):
    tenant, _ = new_tenant()
    assert ("tenants.tasks.reconcile", (tenant.pk,), "interactive") in woken


def test_a_lost_wake_up_is_made_up_for_by_the_sweep(woken, tenant, edge):
    woken.clear()
    tasks.sweep_due()
    assert woken == [("tenants.tasks.work_off", (), "bulk")]
    tasks.work_off()
    assert edge.count("PUT") == 1
    woken.clear()
    tasks.sweep_due()
    assert woken == []


def test_work_goes_on_until_nothing_is_due_past_what_others_took(new_tenant, edge, monkeypatch):
    tenants = [new_tenant(f"Site {number}")[0] for number in range(3)]
    monkeypatch.setattr(tasks, "HANDS", 2)
    ours = tasks.claims.due_tenants
    taken = claims.claim_tenant(tenants[0].pk)
    # What another worker took between the question and the claim.
    monkeypatch.setattr(tasks.claims, "due_tenants", lambda limit: [taken.tenant_id, *ours(limit)][:limit])
    tasks.work_off()
    assert sorted(edge.views) == sorted(tenant.pk for tenant in tenants[1:])


def test_a_shift_ends_by_time_so_that_other_bulk_work_gets_its_turn(new_tenant, edge, monkeypatch):
    for number in range(2):
        new_tenant(f"Site {number}")
    monkeypatch.setattr(tasks, "SHIFT_SECONDS", 0)
    tasks.work_off()
    assert edge.count("PUT") == 1


def test_of_many_tenants_of_one_organization_only_a_few_go_before_bulk_work(woken, new_tenant, monkeypatch):
    monkeypatch.setattr(wakeups, "FEW", 2)
    tenants = [new_tenant(f"Site {number}")[0] for number in range(3)]
    assert [arguments for name, arguments, _ in woken if name.endswith("reconcile")] == [(t.pk,) for t in tenants[:2]]
    woken.clear()
    tasks.sweep_due()
    assert woken == [("tenants.tasks.work_off", (), "bulk")] * 3


def test_a_wake_up_that_no_worker_took_is_dropped():
    assert tasks.reconcile.expires == tasks.work_off.expires == tasks.EXPIRES


def test_a_consumer_hands_over_to_the_next_shift(woken, cell, monkeypatch):
    monkeypatch.setattr(tasks.feed, "consume", lambda cell_id: True)
    tasks.consume_changes("lo")
    assert woken == [("tenants.tasks.consume_changes", ("lo",), "feeds")]
    monkeypatch.setattr(tasks.feed, "consume", lambda cell_id: False)
    tasks.consume_changes("lo")
    assert len(woken) == 1


def test_cells_that_nobody_reads_get_a_consumer(woken, cell):
    tasks.start_consumers()
    assert woken == [("tenants.tasks.consume_changes", ("lo",), "feeds")]
    tasks.feed.claim_feed("lo")
    tasks.start_consumers()
    assert len(woken) == 1
    assert Cell.objects.count() == 1


def test_a_task_does_what_its_row_says(tenant, edge):
    tasks.reconcile(tenant.pk)
    assert edge.count("PUT") == 1
    assert fresh(tenant).edge_view["requested"] == "running"


def test_a_look_does_not_wake_what_was_given_up(tenant, edge):
    edge.fail_next("PUT", refusal(422, "UNKNOWN_VERSION"))
    tasks.reconcile(tenant.pk)
    with rls.acting_as(f"org:{tenant.organization_id}"):
        wakeups.look_at(fresh(tenant))
    tasks.reconcile(tenant.pk)
    assert edge.count("PUT") == 1
    assert fresh(tenant).status == "failed"


def test_beat_sweeps_and_keeps_the_feeds_read():
    from tenants.tasks import BEAT_SCHEDULE

    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} == {
        "tenants.tasks.sweep_due",
        "tenants.tasks.sweep_settled",
        "tenants.tasks.start_consumers",
        "tenants.tasks.read_usage",
        "tenants.tasks.exchange_trails",
        "tenants.tasks.look_into_bins",
        "tenants.tasks.follow_moves",
        "tenants.tasks.sweep_scheduled",
        "tenants.tasks.sweep_rollouts",
        "tenants.tasks.check_platform",
        "tenants.tasks.forget_old_status",
    }
    sweeps = {entry["options"]["queue"] for entry in BEAT_SCHEDULE.values() if entry["schedule"] == 2}
    assert sweeps == {"interactive"}, "behind bulk work they would come too late to tell whose turn it is"
    assert "tenants" in settings.ROOMS

"""The feed of changes: nothing skipped, nothing applied twice, one consumer, and everything read anew after a gap."""

import datetime as dt
import subprocess
import sys

import httpx
import pytest
from django.db import OperationalError
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from tenants.enrollment.models import Agent
from tenants.provisioning import claims, feed, leases, mirror
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Cell
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import fresh, operation_of, read_feed
from tests.tenants.edge import NOW, agent

pytestmark = pytest.mark.django_db


def opened(tenant) -> int:
    """How many times the trail tells that a dashboard was entered: a change whose effect can be counted."""
    with rls.acting_as(f"org:{tenant.organization_id}"):
        return AuditEntry.objects.filter(action="tenants.dashboard.enter").count()


def open_dashboard(edge, tenant) -> None:
    edge.publish(tenant.pk, "dashboard", {"user": "usr_a", "role": "viewer", "session": "s"})


def test_the_cursor_moves_past_what_was_applied(tenant, edge):
    reconcile(tenant.pk)
    edge.progress(tenant.pk, "manager")
    assert read_feed() == 2
    assert Cell.objects.get().feed_seq == 2
    assert read_feed() == 0


def test_a_batch_that_comes_twice_has_its_effect_once(running, edge):
    open_dashboard(edge, running)
    read_feed()
    Cell.objects.update(feed_seq=0)
    read_feed()
    assert opened(running) == 1


def test_a_consumer_that_dies_before_its_cursor_moved_loses_and_doubles_nothing(running, edge, monkeypatch):
    open_dashboard(edge, running)
    with monkeypatch.context() as broken:
        broken.setattr(feed, "advance", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            read_feed()
    Cell.objects.update(feed_lease_until=None)
    open_dashboard(edge, running)
    read_feed()
    assert opened(running) == 2


def test_views_of_one_run_are_taken_together_and_those_of_different_runs_apart(tenant, edge):
    reconcile(tenant.pk)
    creation = operation_of(tenant)
    edge.finish(tenant.pk)
    view = edge.views[tenant.pk]
    view["run"] = {"operation_id": "op_next", "kind": "rotate", "state": "running", "steps": []}
    edge.publish(tenant.pk)
    read_feed()
    assert fresh(creation).state == "succeeded"
    assert operation_of(tenant).pk == "op_next"


def test_an_older_view_does_not_overwrite_a_newer_one(running, edge):
    late = dict(edge.changes[0])
    edge.changes.append({**late, "seq": len(edge.changes) + 1})
    read_feed()
    assert fresh(running).status == "running"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("tenant", {"id": "t"}),
        ("tenant", {"seq": "NaN"}),
        ("enrollment", {"agent": None}),
        ("refusal", {}),
    ],
)
def test_a_change_that_can_not_be_applied_has_its_tenant_read_anew_and_delays_nobody(
    running, new_tenant, edge, kind, data
):
    other, _ = new_tenant("Branch")
    reconcile(other.pk)
    edge.publish(running.pk, kind, data)
    edge.finish(other.pk)
    read_feed()
    assert Cell.objects.get().feed_seq == len(edge.changes)
    assert fresh(other).status == "running"
    assert fresh(running).refresh_due
    edge.agents[running.pk] = [agent("001")]
    reconcile(running.pk)
    assert not fresh(running).refresh_due


def test_a_database_that_does_not_answer_stops_the_consumer_before_its_cursor(running, edge, monkeypatch):
    open_dashboard(edge, running)
    seq = Cell.objects.get().feed_seq

    def away(*_):
        raise OperationalError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(mirror, "locked", away)
        with pytest.raises(OperationalError):
            read_feed()
    assert Cell.objects.get().feed_seq == seq
    Cell.objects.update(feed_lease_until=None)
    read_feed()
    assert opened(running) == 1


def test_changes_of_a_kind_from_the_future_are_passed_over(running, edge):
    edge.publish(running.pk, "weather", {"rain": True})
    assert read_feed() == 1
    assert not fresh(running).refresh_due


def test_a_new_epoch_has_everything_read_anew(running, edge):
    edge.finish(running.pk)
    edge.views[running.pk].update(observed="degraded", seq=99)
    edge.feed_epoch, edge.changes = "epoch-2", edge.changes[:1]
    read_feed()
    cell = Cell.objects.get()
    assert (cell.feed_epoch, cell.feed_seq) == ("epoch-2", 1)
    assert fresh(running).observed == "degraded"
    assert fresh(running).refresh_due


def test_sequence_numbers_that_begin_anew_in_a_new_epoch_are_not_taken_for_old_ones(running, edge):
    edge.feed_epoch, edge.changes = "epoch-2", []
    read_feed()
    open_dashboard(edge, running)
    assert edge.changes[0]["seq"] == 1
    read_feed()
    assert opened(running) == 1


def test_a_gap_has_everything_read_anew(running, edge):
    edge.publish(running.pk)
    edge.publish(running.pk)
    edge.agents[running.pk] = [agent("001"), agent("002", status="disconnected")]
    edge.oldest_seq = len(edge.changes)
    edge.views[running.pk]["observed"] = "degraded"
    read_feed()
    assert Cell.objects.get().feed_seq == len(edge.changes)
    assert fresh(running).observed == "degraded"
    reconcile(running.pk)
    with rls.acting_as(f"org:{running.organization_id}"):
        assert list(Agent.objects.order_by("number").values_list("number", "status")) == [
            ("001", "active"),
            ("002", "disconnected"),
        ]


def test_a_feed_without_a_gap_is_not_read_anew(running, edge):
    edge.oldest_seq = Cell.objects.get().feed_seq + 1
    edge.publish(running.pk)
    assert read_feed() == 1
    assert edge.count("GET /v1/tenants") == 0


def test_a_long_list_is_read_page_by_page(new_tenant, edge, monkeypatch):
    tenants = [new_tenant(f"Site {number}")[0] for number in range(3)]
    for tenant in tenants:
        reconcile(tenant.pk)
        edge.finish(tenant.pk)
    whole = feed.EdgeApi.list_tenants
    monkeypatch.setattr(feed.EdgeApi, "list_tenants", lambda self, *, after: whole(self, after=after, limit=1))
    edge.feed_epoch = "epoch-2"
    read_feed()
    assert [fresh(tenant).status for tenant in tenants] == ["running"] * 3


def test_a_resync_that_is_cut_off_begins_again(running, edge):
    edge.feed_epoch = "epoch-2"
    edge.fail_next("GET /v1/tenants", httpx.ReadTimeout("cut"))
    with pytest.raises(EdgeError):
        read_feed()
    assert Cell.objects.get().feed_epoch == "epoch-1"
    Cell.objects.update(feed_lease_until=None)
    read_feed()
    assert Cell.objects.get().feed_epoch == "epoch-2"


def test_a_tenant_that_only_the_edge_knows_is_passed_over(running, edge):
    stranger = "lo" + "a" * 24
    edge.views[stranger] = {**edge.views[running.pk], "id": stranger}
    edge.publish(stranger)
    assert read_feed() == 1
    edge.feed_epoch = "epoch-2"
    read_feed()
    assert Cell.objects.get().feed_epoch == "epoch-2"


def test_one_cell_has_no_say_about_another_cells_tenants(running, edge):
    other = Cell.objects.create(id="lb", base_url="http://b.test", dashboard_zone="b", runtime="docker", versions=["4"])
    assert claims.actor_of_change(other.pk, running.pk) is None
    forged = {**edge.views[running.pk], "observed": "failed", "seq": 1_000}
    feed.apply(other, running.pk, [feed.Change(1, running.pk, "tenant", NOW, forged)])
    assert fresh(running).status == "running"


def test_one_consumer_a_cell(cell):
    first = feed.claim_feed("lo")
    assert first is not None
    assert feed.claim_feed("lo") is None
    feed.release("lo", first)
    assert feed.claim_feed("lo") is not None


def test_a_consumer_whose_lease_has_ended_can_not_move_the_cursor(cell):
    first = feed.claim_feed("lo")
    Cell.objects.update(feed_lease_until=timezone.now() - dt.timedelta(seconds=1))
    second = feed.claim_feed("lo")
    assert not feed.advance("lo", first, "epoch-1", 9)
    assert not feed.renew("lo", first)
    assert feed.advance("lo", second, "epoch-1", 5)
    assert Cell.objects.get().feed_seq == 5


def test_a_killed_consumer_of_this_machine_is_succeeded_at_once(cell):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host, _, secret = leases.new_owner().split(":")
    later = timezone.now() + dt.timedelta(minutes=1)
    Cell.objects.update(feed_owner=f"{host}:{dead.pid}:{secret}", feed_lease_until=later)
    assert feed.is_unread(Cell.objects.get(), timezone.now())
    assert feed.claim_feed("lo") is not None


@pytest.mark.parametrize("owner", ["elsewhere:1:x", "odd", "", "this process"])
def test_who_may_still_be_alive_keeps_the_lease(cell, owner):
    owner = leases.new_owner() if owner == "this process" else owner
    Cell.objects.update(feed_owner=owner, feed_lease_until=timezone.now() + dt.timedelta(minutes=1))
    assert feed.claim_feed("lo") is None


def test_a_shift_goes_on_through_an_outage(running, edge, monkeypatch):
    monkeypatch.setattr(feed, "PAUSE_SECONDS", 0)
    edge.fail_next("/v1/changes", httpx.ConnectError("away"))
    open_dashboard(edge, running)
    looks = iter([True, True, False])
    monkeypatch.setattr(feed, "renew", lambda *_: next(looks))
    assert feed.consume("lo")
    assert opened(running) == 1
    assert Cell.objects.get().feed_lease_until is None


def test_when_the_edge_is_back_whoever_waits_for_it_is_looked_at_at_once(tenant, edge, monkeypatch):
    monkeypatch.setattr(feed, "PAUSE_SECONDS", 0)
    reconcile(tenant.pk)
    assert claims.due_tenants(5) == []
    for away in (False, True):
        if away:
            edge.fail_next("/v1/changes", httpx.ConnectError("away"))
        looks = iter([True, True, False])
        monkeypatch.setattr(feed, "renew", lambda *_, looks=looks: next(looks))
        feed.consume("lo")
        assert claims.due_tenants(5) == ([tenant.pk] if away else [])


def test_an_unreadable_answer_moves_nothing(running, edge):
    seq = Cell.objects.get().feed_seq
    edge.fail_next("/v1/changes", httpx.Response(200, json={"feed_epoch": "epoch-1", "changes": [{"seq": 1}]}))
    with pytest.raises(EdgeError):
        read_feed()
    assert Cell.objects.get().feed_seq == seq

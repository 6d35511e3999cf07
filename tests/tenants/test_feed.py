"""The feed of changes: nothing skipped, nothing applied twice, one consumer, and everything read anew after a gap."""

import httpx
import pytest
from django.db import OperationalError

from controlplane import rls
from controlplane.models import AuditEntry
from tenants.enrollment.models import Agent, Refusal
from tenants.provisioning import changes, claims, feed, mirror
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Cell
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import fresh, open_dashboard, opened, operation_of, read_feed
from tests.tenants.edge_life import NOW, agent

pytestmark = pytest.mark.django_db


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


def test_a_change_that_can_not_be_applied_takes_no_other_of_its_tenant_with_it(running, edge, make_token):
    token, _ = make_token()
    joined = {"id": "001", "name": "web-1", "groups": ["default"]}
    use = {"token": token.pk, "uses": 1, "max_uses": 50, "enrollment_id": "e", "address": "192.0.2.7"}
    edge.publish(running.pk, "enrollment", {**use, "agent": joined})
    edge.publish(running.pk, "tenant", {"id": "unreadable"})
    edge.publish(running.pk, "refusal", {"token": token.pk, "reason": "expired", "name": "x", "address": "192.0.2.9"})
    open_dashboard(edge, running)
    read_feed()
    assert fresh(running).refresh_due
    assert opened(running) == 1
    with rls.acting_as(f"org:{running.organization_id}"):
        assert Agent.objects.get().name == "web-1"
        assert Refusal.objects.get().reason == "expired"
        told = AuditEntry.objects.filter(action__in=["tenants.agent.enroll", "tenants.enrollment.refuse"])
        assert told.count() == 2


def test_what_a_failed_change_began_is_undone(running, edge, monkeypatch):
    def half_done(tenant, change):
        tenant.observed = "failed"
        tenant.save(update_fields=["observed"])
        raise KeyError("a fault of ours")

    monkeypatch.setitem(feed._HANDLERS, "weather", [half_done])
    edge.publish(running.pk, "weather", {})
    read_feed()
    assert fresh(running).observed == "running"
    assert fresh(running).refresh_due


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


def test_a_tenant_that_a_list_lacks_is_told_of_under_lower_numbers_as_well(running, edge):
    view = edge.views.pop(running.pk)
    edge.changes = []
    read_feed()
    edge.views[running.pk] = view
    open_dashboard(edge, running)
    assert edge.changes[0]["seq"] == 1
    read_feed()
    assert opened(running) == 1


def test_changes_that_come_out_of_order_and_again_have_their_effect_once(running, edge, monkeypatch):
    for _ in range(3):
        open_dashboard(edge, running)
    after = Cell.objects.get().feed_seq
    stale = {"feed_epoch": "epoch-1", "oldest_seq": 1, "latest_seq": len(edge.changes)}
    mixed = [*reversed(edge.changes[after:]), edge.changes[0]]
    for _ in range(2):
        edge.fail_next("/v1/changes", httpx.Response(200, json={**stale, "changes": mixed}))
        read_feed()
    assert opened(running) == 3
    assert Cell.objects.get().feed_seq == len(edge.changes)


def test_a_consumer_that_lost_its_right_within_a_batch_stops_there(running, edge, monkeypatch):
    open_dashboard(edge, running)
    seq = Cell.objects.get().feed_seq
    monkeypatch.setattr(feed, "RENEW_EVERY", 1)
    monkeypatch.setattr(feed, "renew", lambda *_: False)
    assert read_feed() == 0
    assert Cell.objects.get().feed_seq == seq


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
    feed.apply(other, running.pk, [changes.Change(1, running.pk, "tenant", NOW, forged)])
    assert fresh(running).status == "running"


def test_an_unreadable_answer_moves_nothing(running, edge):
    seq = Cell.objects.get().feed_seq
    edge.fail_next("/v1/changes", httpx.Response(200, json={"feed_epoch": "epoch-1", "changes": [{"seq": 1}]}))
    with pytest.raises(EdgeError):
        read_feed()
    assert Cell.objects.get().feed_seq == seq

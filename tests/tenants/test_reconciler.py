"""Bad weather between intent and edge: whatever happens, a tenant converges or says clearly why not."""

import copy
import datetime as dt

import httpx
import pytest
from django.db import OperationalError
from django.utils import timezone

from controlplane import rls
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions, claims, lifecycle, reconciler
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import deliver, fresh, make_due, operation_of, read_feed, states
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


def test_a_tenant_that_is_not_due_is_left_alone(running, edge):
    make_due(running)
    assert reconcile(running.pk) is not None
    assert reconcile(running.pk) is None


def test_a_settled_tenant_costs_no_call(running, edge):
    before = len(edge.calls)
    make_due(running)
    reconcile(running.pk)
    assert len(edge.calls) == before
    assert fresh(running).next_attempt_at is None


def test_after_a_lost_answer_it_looks_before_it_acts_again(tenant, edge):
    edge.lose_answer_of_next("PUT")
    reconcile(tenant.pk)
    assert fresh(tenant).observed == "unknown"
    assert fresh(tenant).status == "provisioning"
    make_due(tenant)
    reconcile(tenant.pk)
    assert [method for method, _ in edge.calls] == ["PUT", "GET"]
    assert states(operation_of(tenant))["submit"] == "succeeded"


def test_a_call_that_never_arrived_is_sent_again_under_the_same_fence(tenant, edge):
    edge.fail_next("PUT", httpx.ReadTimeout("cut"))
    reconcile(tenant.pk)
    make_due(tenant)
    reconcile(tenant.pk)
    assert [method for method, _ in edge.calls] == ["PUT", "GET", "PUT"]
    assert edge.requests[0].content == edge.requests[2].content
    assert fresh(tenant).generation == 1


def test_while_the_edge_is_away_the_tenant_waits_with_growing_pauses(tenant, edge):
    pauses = []
    for _ in range(6):
        edge.fail_next("PUT", httpx.ConnectError("refused"))
        make_due(tenant)
        before = timezone.now()
        reconcile(tenant.pk)
        pauses.append((fresh(tenant).next_attempt_at - before).total_seconds())
    assert pauses[-1] > 4 * pauses[0]
    operation = operation_of(tenant)
    assert operation.state == "waiting"
    (submit,) = [step for step in operation.steps.all() if step.name == "submit"]
    assert submit.error["code"] == "EDGE_UNREACHABLE"
    assert submit.attempts == 6
    make_due(tenant)
    reconcile(tenant.pk)
    assert operation_of(tenant).state == "running"
    assert fresh(tenant).attempts == 0


def test_a_fault_of_ours_counts_as_an_attempt_and_ends_in_the_log(tenant, edge, monkeypatch):
    def trip(*_):
        raise KeyError("a fault of ours")

    monkeypatch.setitem(reconciler.ACTIONS, lifecycle.Action.SEND, trip)
    reconcile(tenant.pk)
    assert fresh(tenant).attempts == 1
    assert fresh(tenant).lease_until is None
    assert fresh(tenant).next_attempt_at > timezone.now()


def test_a_tenant_whose_rows_trip_us_up_is_put_off_and_fails_visibly_in_the_end(tenant, edge, monkeypatch):
    monkeypatch.setattr(reconciler.intents, "settle", lambda *_: 1 / 0)
    reconcile(tenant.pk)
    assert (fresh(tenant).attempts, fresh(tenant).lease_until) == (1, None)
    assert fresh(tenant).next_attempt_at > timezone.now()
    for _ in range(lifecycle.ATTEMPT_CAP):
        make_due(tenant)
        reconcile(tenant.pk)
    assert fresh(tenant).status == "failed"
    assert operation_of(tenant).error["code"] == "INTERNAL"


def test_what_can_not_be_recorded_puts_its_tenant_off(tenant, edge, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(reconciler.mirror, "record", lambda *_, **__: 1 / 0)
        reconcile(tenant.pk)
    assert (fresh(tenant).attempts, fresh(tenant).lease_until) == (1, None)
    make_due(tenant)
    reconcile(tenant.pk)
    assert fresh(tenant).attempts == 0
    assert edge.requests[0].content == edge.requests[1].content


def test_a_tenant_over_which_workers_die_is_given_up_visibly(tenant, edge):
    for _ in range(lifecycle.ATTEMPT_CAP):
        assert claims.claim_tenant(tenant.pk) is not None
        make_due(tenant, lease_until=timezone.now() - dt.timedelta(seconds=1))
    reconcile(tenant.pk)
    assert edge.calls == []
    assert fresh(tenant).status == "failed"
    assert operation_of(tenant).error["code"] == "INTERNAL"


def test_a_database_that_does_not_answer_is_no_fault_of_a_tenant(tenant, edge, monkeypatch):
    def away(*_):
        raise OperationalError("the database is away")

    monkeypatch.setattr(reconciler, "fence", away)
    with pytest.raises(OperationalError):
        reconcile(tenant.pk)
    assert operation_of(tenant).state == "queued"


def test_one_bad_tenant_delays_nobody(new_tenant, edge):
    (bad, _), (good, _) = new_tenant("Bad"), new_tenant("Good")
    edge.fail_next(bad.pk, httpx.ReadTimeout("hangs"))
    due = claims.due_tenants(10)
    assert due == [bad.pk, good.pk]
    for tenant_id in due:
        reconcile(tenant_id)
    edge.finish(good.pk)
    read_feed()
    assert (fresh(good).status, fresh(good).attempts) == ("running", 0)
    assert (fresh(bad).status, fresh(bad).attempts) == ("provisioning", 1)


def test_an_intent_that_comes_while_the_edge_is_called_is_not_lost(tenant, edge, alice_acts, monkeypatch):
    send = reconciler.ACTIONS[lifecycle.Action.SEND]

    def send_slowly(held):
        answer = send(held)
        with rls.acting_as(alice_acts.rls_actor):
            deletion.delete(by=alice_acts, tenant=tenant, confirm_name="Office")
        return answer

    monkeypatch.setitem(reconciler.ACTIONS, lifecycle.Action.SEND, send_slowly)
    reconcile(tenant.pk)
    assert claims.due_tenants(10) == [tenant.pk]
    reconcile(tenant.pk)
    assert edge.bodies[tenant.pk]["bin"]


def test_a_worker_that_lost_its_lease_changes_no_schedule(tenant, edge):
    claim = claims.claim_tenant(tenant.pk)
    held = reconciler.fence(claim)
    outcome = reconciler.attempt(held)
    make_due(tenant, lease_owner="somebody else")
    reconciler.record(held, outcome)
    assert fresh(tenant).lease_owner == "somebody else"
    assert fresh(tenant).next_attempt_at == tenant.created_at
    assert fresh(tenant).edge_view is not None


def test_a_worker_that_dies_after_the_call_repeats_it_harmlessly(tenant, edge):
    reconciler.attempt(reconciler.fence(claims.claim_tenant(tenant.pk)))
    make_due(tenant, lease_until=timezone.now() - dt.timedelta(seconds=1))
    reconcile(tenant.pk)
    assert edge.count("PUT") == 2
    assert edge.requests[0].content == edge.requests[1].content
    assert operation_of(tenant).state == "running"


def test_when_the_feed_is_silent_the_edge_is_asked(tenant, edge):
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    make_due(tenant)
    reconcile(tenant.pk)
    assert fresh(tenant).status == "running"
    assert operation_of(tenant).state == "succeeded"


def test_however_long_a_reading_anew_takes_its_claim_holds(running, edge, make_token, monkeypatch):
    for number in range(3):
        make_token(f"Site {number}")
    deliver()
    left = []

    def answer_slowly(*args, **more):
        tenant = fresh(running)
        left.append(tenant.lease_until - timezone.now())
        # A third of the lease passes with each answer, so that without a renewal the last one came too late.
        with rls.acting_as(f"org:{tenant.organization_id}"):
            Tenant.objects.filter(pk=tenant.pk).update(lease_until=tenant.lease_until - claims.LEASE / 3)
        return token_of(*args, **more)

    token_of = edge._get_token
    monkeypatch.setattr(edge, "_get_token", answer_slowly)
    make_due(running, refresh_due=True)
    reconcile(running.pk)
    assert len(left) == 3
    assert min(left) > claims.LEASE / 2
    assert not fresh(running).refresh_due


def test_a_reading_anew_stops_when_somebody_else_has_the_claim(running, edge, make_token, monkeypatch):
    for number in range(3):
        make_token(f"Site {number}")
    deliver()
    edge.calls.clear()

    def lose_the_claim(*args, **more):
        make_due(running, lease_owner="somebody else")
        return listed(*args, **more)

    listed = edge._agents
    monkeypatch.setattr(edge, "_agents", lose_the_claim)
    make_due(running, refresh_due=True)
    reconcile(running.pk)
    assert edge.count("/tokens/") == 0
    assert fresh(running).refresh_due


def test_an_edge_that_lost_a_tenant_gets_it_again(running, edge):
    del edge.views[running.pk], edge.bodies[running.pk]
    make_due(running, refresh_due=True)
    reconcile(running.pk)
    assert edge.views[running.pk]["generation"] == 1
    assert fresh(running).edge_seq == edge.views[running.pk]["seq"]


def test_an_edge_that_was_set_back_is_believed_and_gets_what_it_lacks(running, edge, alice_acts):
    before = copy.deepcopy((edge.views[running.pk], edge.bodies[running.pk]))
    with rls.acting_as(alice_acts.rls_actor):
        actions.stop(by=alice_acts, tenant=running)
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    assert fresh(running).status == "stopped"
    edge.views[running.pk], edge.bodies[running.pk] = before
    make_due(running, refresh_due=True)
    reconcile(running.pk)
    edge.finish(running.pk)
    make_due(running)
    reconcile(running.pk)
    assert (fresh(running).status, fresh(running).edge_seq) == ("stopped", edge.views[running.pk]["seq"])


def test_what_the_edge_began_ends_with_its_tenant(running, edge, alice_acts):
    edge.begin_rotation(running.pk, "op_" + "e" * 20)
    read_feed()
    rotation = operation_of(running)
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name="Office")
        deletion.erase(by=alice_acts, tenant=running, confirm_name="Office")
    edge.fail_next("DELETE", refusal(410, "TENANT_DELETED"))
    reconcile(running.pk)
    assert (fresh(rotation).state, fresh(rotation).error["code"]) == ("cancelled", "OVERTAKEN")


def test_deleting_what_the_edge_has_buried_already_is_done(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name="Office")
        operation = deletion.erase(by=alice_acts, tenant=running, confirm_name="Office")
    edge.fail_next("DELETE", refusal(410, "TENANT_DELETED"))
    reconcile(running.pk)
    assert fresh(running).status == "deleted"
    assert fresh(operation).state == "succeeded"


def test_a_run_that_the_edge_began_becomes_an_operation(running, edge):
    view = edge.views[running.pk]
    steps = [
        {"name": "mint", "state": "running", "attempts": 1, "started_at": None, "finished_at": None, "error": None}
    ]
    view["run"] = {"operation_id": "op_edge", "kind": "rotate", "state": "running", "steps": steps}
    edge.publish(running.pk)
    read_feed()
    adopted = operation_of(running)
    assert (adopted.pk, adopted.kind, adopted.source, adopted.state) == (
        "op_edge",
        "rotate_certificates",
        "edge",
        "running",
    )
    assert states(adopted) == {"mint": "running"}
    view["run"]["state"] = steps[0]["state"] = "succeeded"
    edge.publish(running.pk)
    read_feed()
    assert fresh(adopted).state == "succeeded"


def test_a_restore_at_the_edge_that_something_newer_has_followed_does_not_stay_open(running, edge):
    view = edge.views[running.pk]
    view["run"] = {"operation_id": "op_restore", "kind": "restore", "state": "running", "steps": []}
    edge.publish(running.pk)
    read_feed()
    restore = operation_of(running)
    assert (restore.kind, restore.source, restore.state) == ("restore", "edge", "running")
    edge.begin_rotation(running.pk, "op_" + "e" * 20)
    read_feed()
    assert (fresh(restore).state, fresh(restore).error["code"]) == ("cancelled", "OVERTAKEN")


def test_a_start_that_has_nothing_to_do_is_done_at_once(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        operation = actions.start(by=alice_acts, tenant=running)
    reconcile(running.pk)
    view = edge.views[running.pk]
    view.update(run=None, observed="running", observed_generation=view["generation"])
    edge.publish(running.pk)
    read_feed()
    assert fresh(operation).state == "succeeded"
    assert set(states(operation).values()) == {"succeeded"}


def test_nothing_of_another_organization_is_in_reach_of_a_claim(tenant, edge, rival):
    claim = claims.claim_tenant(tenant.pk)
    assert claim.actor == f"org:{tenant.organization_id}"
    assert claim.actor != f"org:{rival.pk}"


def test_a_forged_wake_up_does_nothing(edge, cell):
    assert reconcile("lo" + "a" * 24) is None
    assert reconcile("' OR 1=1 --") is None
    assert not Tenant.objects.exists()
    assert not Operation.objects.exists()

"""What fails for good says why, and a Retry goes on from there."""

import httpx
import pytest

from controlplane import rls
from tenants.provisioning import actions, lifecycle
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import fresh, make_due, operation_of, read_feed, states
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


def test_after_enough_attempts_it_gives_up_visibly_and_a_retry_goes_on(tenant, edge, alice_acts):
    for _ in range(lifecycle.ATTEMPT_CAP):
        edge.fail_next("PUT", httpx.ConnectError("refused"))
        make_due(tenant)
        reconcile(tenant.pk)
    assert fresh(tenant).status == "failed"
    assert fresh(tenant).next_attempt_at is None
    operation = operation_of(tenant)
    assert (operation.state, operation.error["code"]) == ("failed", "EDGE_UNREACHABLE")
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=operation)
    assert fresh(tenant).status == "provisioning"
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()
    assert fresh(tenant).status == "running"
    assert fresh(operation).state == "succeeded"


def test_what_the_edge_refuses_for_good_fails_at_once_with_its_words(tenant, edge):
    details = [{"path": "plan.version", "message": "must be one of 4.14.6"}]
    edge.fail_next("PUT", refusal(422, "UNKNOWN_VERSION", details=details))
    reconcile(tenant.pk)
    assert fresh(tenant).status == "failed"
    assert operation_of(tenant).error["details"] == details
    assert states(operation_of(tenant))["submit"] == "failed"


def test_a_retry_resumes_at_the_failed_step_under_a_higher_generation(tenant, edge, alice_acts):
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "indexer")
    read_feed()
    operation = operation_of(tenant)
    assert fresh(tenant).status == "failed"
    assert operation.error["code"] == "NODE_CRASH_LOOP"
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=operation)
    assert states(operation) | {"submit": ""} == {
        "submit": "",
        "certs": "succeeded",
        "indexer": "pending",
        "manager": "pending",
        "dashboard": "pending",
        "verify": "pending",
    }
    reconcile(tenant.pk)
    assert edge.bodies[tenant.pk]["generation"] == 2
    assert edge.bodies[tenant.pk]["operation_id"] == operation.pk
    assert fresh(tenant).status == "provisioning"


def test_news_from_before_a_retry_do_not_fail_the_operation_again(tenant, edge, alice_acts):
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "indexer")
    read_feed()
    operation = operation_of(tenant)
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=operation)
    edge.publish(tenant.pk)
    read_feed()
    assert fresh(operation).state == "queued"
    reconcile(tenant.pk)
    assert fresh(operation).state == "running"


def test_a_database_that_was_set_back_is_told_and_a_retry_goes_beyond_the_edge(running, edge, alice_acts):
    edge.views[running.pk]["generation"] = 7
    with rls.acting_as(alice_acts.rls_actor):
        operation = actions.stop(by=alice_acts, tenant=running)
    reconcile(running.pk)
    assert fresh(operation).error["code"] == "STALE_GENERATION"
    assert fresh(running).status == "failed"
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=fresh(operation))
    reconcile(running.pk)
    assert edge.views[running.pk]["generation"] == 8
    assert edge.views[running.pk]["requested"] == "stopped"


def test_another_body_under_the_same_generation_is_told_and_mended_by_a_retry(tenant, edge, alice_acts):
    edge.fail_next("PUT", refusal(409, "GENERATION_CONFLICT"))
    reconcile(tenant.pk)
    assert operation_of(tenant).error["code"] == "GENERATION_CONFLICT"
    with rls.acting_as(alice_acts.rls_actor):
        actions.retry(by=alice_acts, operation=operation_of(tenant))
    reconcile(tenant.pk)
    assert edge.bodies[tenant.pk]["generation"] == 2


def test_a_tenant_that_was_deleted_behind_our_back_fails_with_the_reason(tenant, edge):
    edge.fail_next("PUT", refusal(410, "TENANT_DELETED"))
    reconcile(tenant.pk)
    assert fresh(tenant).status == "failed"
    assert operation_of(tenant).error["code"] == "TENANT_DELETED"

"""The whole way of a tenant's life: asked for, handed over, running, stopped, started, deleted."""

import pytest

from controlplane import rls
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions
from tenants.provisioning.models import Cell
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import fresh, operation_of, read_feed, states

pytestmark = pytest.mark.django_db


def test_a_new_tenant_is_provisioning_until_the_edge_says_that_it_runs(tenant, edge):
    assert tenant.status == "provisioning"
    reconcile(tenant.pk)
    assert fresh(tenant).status == "provisioning"
    assert states(operation_of(tenant))["submit"] == "succeeded"
    edge.progress(tenant.pk, "indexer")
    read_feed()
    assert states(operation_of(tenant))["certs"] == "succeeded"
    assert states(operation_of(tenant))["indexer"] == "running"
    edge.finish(tenant.pk)
    read_feed()
    assert fresh(tenant).status == "running"
    assert operation_of(tenant).state == "succeeded"


def test_the_edge_gets_the_plan_of_the_organization(tenant, edge):
    reconcile(tenant.pk)
    body = edge.bodies[tenant.pk]
    assert (body["epoch"], body["generation"], body["requested"]) == (1, 1, "running")
    assert body["operation_id"] == operation_of(tenant).pk
    assert body["plan"]["roles"]["indexer"] == {"count": 1, "instance": "standard-2"}
    assert body["plan"]["version"] == "4.14.7"


def test_a_running_tenant_stops_and_starts_again_under_rising_generations(running, edge, alice_acts):
    for kind, status in (("stop", "stopped"), ("start", "running")):
        with rls.acting_as(alice_acts.rls_actor):
            operation = getattr(actions, kind)(by=alice_acts, tenant=running)
        reconcile(running.pk)
        edge.finish(running.pk)
        read_feed()
        assert fresh(running).status == status
        assert fresh(operation).state == "succeeded"
    assert fresh(running).generation == 3


def test_an_erased_tenant_leaves_nothing_but_a_tombstone(running, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name="Office")
        operation = deletion.erase(by=alice_acts, tenant=running, confirm_name="Office")
    assert fresh(running).status == "stopping"
    reconcile(running.pk)
    edge.finish(running.pk)
    read_feed()
    assert fresh(running).status == "deleted"
    assert fresh(operation).state == "succeeded"
    assert fresh(running).next_attempt_at is None
    assert Cell.objects.get().placed == 0

"""Roll-outs over tenants on the real edge: a canary that does not take a version keeps it from the others."""

import time
from collections.abc import Callable

import pytest

from controlplane import rls
from tenants.protection.maintenance import rings
from tenants.provisioning import claims
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tenants.rollouts import actions, running
from tenants.rollouts.models import Rollout, RolloutTarget
from tests.contract.test_portal_to_edge import cell, edge, make, owner, work_until
from tests.database import all_rows
from tests.tenants.conftest import fresh, read_feed, states

__all__ = ["cell", "edge", "make", "owner"]

pytestmark = pytest.mark.django_db

PATIENCE = 240.0
GOOD, BAD = "4.14.6", "4.14.8-blind"


@pytest.fixture
def offered(cell):
    cell.versions = ["4.14.7", GOOD, BAD]
    cell.save(update_fields=["versions"])
    return cell


def follow_until(rollout: Rollout, reached: Callable[[], bool]) -> None:
    """Do what beat and Celery do, with the roll-out among it and its soaks over at once."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, states_of(rollout)
        for tenant_id in claims.due_tenants(10):
            reconcile(tenant_id)
        read_feed()
        running.look(rollout.organization_id, rollout.pk)
        time.sleep(0.1)


def states_of(rollout: Rollout) -> dict[str, str]:
    with all_rows():
        return dict(RolloutTarget.objects.filter(rollout=rollout).values_list("ring", "state"))


def state_of(rollout: Rollout) -> str:
    with all_rows():
        return Rollout.objects.get(pk=rollout.pk).state


@pytest.mark.timeout(400)
def test_a_failing_canary_holds_a_roll_out_and_a_good_version_reaches_every_ring(make, owner, edge, offered, acme):
    fleet: dict[str, Tenant] = {ring: make(ring.title(), version="4.14.7") for ring in ("canary", "early", "general")}
    work_until(lambda: all(fresh(tenant).status == "running" for tenant in fleet.values()))

    def start(version: str) -> Rollout:
        with rls.acting_as(owner.rls_actor):
            return actions.start(
                by=owner, organization=acme, kind="version", arguments={"version": version}, soak_hours=0
            )

    with rls.acting_as(owner.rls_actor):
        for ring, tenant in fleet.items():
            rings.set_ring(by=owner, tenant=tenant, ring=ring)
    bad = start(BAD)
    follow_until(bad, lambda: state_of(bad) == "held")
    assert states_of(bad) == {"canary": "failed", "early": "pending", "general": "pending"}
    with all_rows():
        failed = Operation.objects.get(pk=RolloutTarget.objects.get(rollout=bad, ring="canary").operation_id)
    assert states(failed)["rollback"] == "succeeded"
    assert {fresh(tenant).spec["version"] for tenant in fleet.values()} == {"4.14.7"}
    with rls.acting_as(owner.rls_actor):
        actions.end(by=owner, rollout=bad)
    good = start(GOOD)
    follow_until(good, lambda: state_of(good) == "finished")
    assert set(states_of(good).values()) == {"succeeded"}
    assert {fresh(tenant).edge_view["version"] for tenant in fleet.values()} == {GOOD}
    with all_rows():
        ended = dict(RolloutTarget.objects.filter(rollout=good).values_list("ring", "ended_at"))
    assert ended["canary"] < ended["early"] < ended["general"]

"""However people ask and calls fail, portal and edge come to hold the same wish, or the portal says why not."""

import json
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from billing import actions as billing
from billing.entitlements import entitlement_of
from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Problem
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions, lifecycle
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import deliver, fresh, make_due, operation_of, read_feed
from tests.tenants.edge import FakeEdge, refusal

pytestmark = pytest.mark.django_db

RESTING = {"running", "stopped", "binned", "deleted"}
LONGEST_WAY = 12
"""Claims in which any wish is reached once nothing fails any more."""


class Story:
    """One tenant, the edge behind it, and everything that can happen to the two; each method is one step."""

    def __init__(self, tenant: Tenant, edge: FakeEdge, alice: Actor) -> None:
        self.tenant, self.edge, self.alice = tenant, edge, alice
        self.acts: dict[str, Callable[[], object]] = {
            "start": lambda: actions.start(by=alice, tenant=tenant),
            "stop": lambda: actions.stop(by=alice, tenant=tenant),
            "delete": lambda: deletion.delete(by=alice, tenant=tenant, confirm_name=tenant.name),
            "undelete": self._undelete,
            "erase": lambda: deletion.erase(by=alice, tenant=tenant, confirm_name=tenant.name),
            "retry": lambda: actions.retry(by=alice, operation=operation_of(tenant)),
            "cancel": self._cancel,
        }

    def step(self, name: str) -> None:
        """One step; what the product refuses is refused, and changes nothing."""
        if name not in self.acts:
            getattr(self, name)()
            return
        with rls.acting_as(self.alice.rls_actor), suppress(Problem):
            self.acts[name]()
            note(f"{name} is taken")

    def _cancel(self) -> None:
        operation = operation_of(self.tenant)
        actions.cancel(by=self.alice, operation=operation)
        known = operation.known_kind
        if known is not None and known.compensated_by is None:
            assert operation.pk not in self.told(), f"a {operation.kind} that the edge was told of was cancelled"

    def _undelete(self) -> None:
        newest = operation_of(self.tenant)
        deletion.undelete(by=self.alice, tenant=self.tenant)
        assert newest.kind != "erase" or newest.pk not in self.told(), "what the edge was told to erase was undeleted"

    def told(self) -> set[str | None]:
        """Operations that ever left for the edge, whether or not they arrived."""
        return {json.loads(each.content).get("operation_id") for each in self.edge.requests if each.content}

    def claim(self) -> None:
        if fresh(self.tenant).next_attempt_at is not None:
            make_due(self.tenant)
            reconcile(self.tenant.pk)

    def claim_refused(self) -> None:
        self._claim_with(refusal(422, "UNKNOWN_VERSION"))

    def claim_cut(self) -> None:
        self._claim_with(httpx.ReadTimeout("cut"))

    def claim_unanswered(self) -> None:
        self.edge.lose_answer_of_next("PUT")
        self.edge.lose_answer_of_next("DELETE")
        self.claim()
        self.edge.lost_answers.clear()

    def _claim_with(self, failure: object) -> None:
        for method in ("PUT", "DELETE"):
            self.edge.fail_next(method, failure)
        self.claim()
        self.edge.failures.clear()

    def finish(self) -> None:
        if self.is_under_way():
            self.edge.finish(self.tenant.pk)

    def fail(self) -> None:
        if self.is_under_way():
            self.edge.break_run(self.tenant.pk, self.edge.views[self.tenant.pk]["run"]["steps"][0]["name"])

    def is_under_way(self) -> bool:
        return (self.edge.views.get(self.tenant.pk) or {"run": {"state": ""}})["run"]["state"] == "running"

    def listen(self) -> None:
        read_feed()

    def suspend(self) -> None:
        self._bill(billing.suspend)

    def resume(self) -> None:
        self._bill(billing.resume)

    def _bill(self, change: Callable[..., object]) -> None:
        system = Actor.system("dunning", organization_id=self.tenant.organization_id)
        with rls.acting_as(system.rls_actor), suppress(Problem):
            change(by=system, organization_id=self.tenant.organization_id)
        deliver()

    def settle(self) -> None:
        """Fair weather until nothing is left to do."""
        self.listen()
        for _ in range(LONGEST_WAY):
            if fresh(self.tenant).next_attempt_at is None and not self.is_under_way():
                return
            self.claim()
            self.finish()
            self.listen()

    def check(self) -> None:
        """What has to hold once the weather was fair for long enough."""
        tenant, view = fresh(self.tenant), self.edge.views.get(self.tenant.pk)
        with rls.acting_as(f"org:{tenant.organization_id}"):
            aim = lifecycle.wanted(tenant.requested, entitlement_of(tenant.organization_id), in_bin=tenant.in_bin)
            assert not Operation.objects.filter(tenant=tenant, state__in=Operation.OPEN).exists()
        assert tenant.status in RESTING
        assert tenant.next_attempt_at is None
        if view is None:
            assert (aim, tenant.generation) == ("stopped", 0)
        else:
            assert (view["requested"], view["generation"]) == (aim, tenant.generation)
            assert ("bin" in self.edge.bodies[tenant.pk]) == (tenant.status == "binned")


STEPS = [
    "start",
    "stop",
    "delete",
    "undelete",
    "erase",
    "retry",
    "cancel",
    "claim",
    "claim_refused",
    "claim_cut",
    "claim_unanswered",
]
STEPS += ["finish", "fail", "listen", "suspend", "resume"]


@pytest.fixture
def tell(acme, alice_acts, cell, edge) -> Callable[[list[str]], None]:
    """Tells one story of a new tenant to its end, and leaves nothing of it behind."""

    def tell(steps: list[str]) -> None:
        with transaction.atomic():
            edge.__init__()
            with rls.acting_as(alice_acts.rls_actor):
                tenant, _ = actions.create(by=alice_acts, organization=acme, name="Office")
            story = Story(tenant, edge, alice_acts)
            for step in steps:
                story.step(step)
            story.settle()
            if fresh(tenant).status == "failed":
                story.step("retry")
                story.settle()
            story.check()
            transaction.set_rollback(True)

    return tell


@given(st.lists(st.sampled_from(STEPS), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@example(["claim_refused", "retry", "cancel"])
@example(["claim", "fail", "listen", "retry", "cancel"])
@example(["claim", "finish", "listen", "delete", "erase", "claim_refused", "retry", "undelete"])
@example(["claim", "finish", "listen", "stop", "claim", "finish", "listen", "start", "delete", "undelete"])
@example(["claim", "finish", "listen", "delete", "claim", "erase", "undelete"])
@example(["suspend", "delete", "claim", "finish", "listen", "undelete", "resume"])
@example(["claim", "fail", "listen", "stop", "cancel"])
@example(["cancel", "stop"])
def test_portal_and_edge_come_to_hold_the_same_wish(tell, steps):
    tell(steps)

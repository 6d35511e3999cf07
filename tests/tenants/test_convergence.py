"""
Whatever people ask, however calls fail, copies arrive late and processes die: a tenant comes to what was asked last.

The product's own actions, reconciler and consumer run against a model edge. A longer run:
`pytest --hypothesis-profile=long tests/tenants/test_convergence.py`.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import respx
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from billing.models import Subscription
from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Problem
from organizations.models import Organization, User
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions, feed, versions, wakeups
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.database import all_rows
from tests.tenants.conftest import EDGE, fresh, operation_of
from tests.tenants.stormy_edge import FEEDS, WEATHER, Crash, StormyEdge

pytestmark = pytest.mark.django_db

ROUNDS = 15
"""Of a pass, the edge's work and a reading of the feed, within which everything has to come to rest in fair weather."""

ASKS = {"start": "running", "stop": "stopped", "erase": "deleted", "upgrade": "running", "resize": "running"}
BIN = {"delete": True, "undelete": False}
RESTS = {"running": "running", "stopped": "stopped", "deleted": "absent"}
OTHER = {"4.14.7": "4.14.6", "4.14.6": "4.14.7", "standard": "large", "large": "standard"}


class Crasher:
    """Ends the process before one of the next writes into the database."""

    def __init__(self) -> None:
        self.left: int | None = None

    def __call__(self, execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        if self.left is not None and sql.startswith(("INSERT", "UPDATE", "DELETE", "SELECT * FROM claim_tenant")):
            if self.left == 0:
                raise Crash
            self.left -= 1
        return execute(sql, *more)

    @contextmanager
    def armed(self, left: int | None) -> Iterator[None]:
        """Whatever is done inside may end half-way."""
        self.left = left
        try:
            with connection.execute_wrapper(self), suppress(Crash):
                yield
        finally:
            self.left = None


class Life(RuleBasedStateMachine):
    """One tenant, from its creation until the weather clears; every example begins with an empty edge."""

    def __init__(self, alice: Actor, acme: Organization) -> None:
        super().__init__()
        self.alice, self.crasher, self.edge = alice, Crasher(), StormyEdge()
        self.asked, self.binned, self.before, self.retried = "running", False, {}, Counter()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.router = respx.mock(assert_all_called=False)
        self.router.start()
        self.router.route(url__startswith=EDGE).mock(side_effect=self.edge.handle)
        with self.as_alice():
            self.tenant, creation = actions.create(by=alice, organization=acme, name="Office")
        with all_rows():
            Subscription.objects.update(plan="standard")
        self.before[creation.pk] = "stopped"
        self.backup = self.edge.state_of(self.tenant.pk)

    def as_alice(self) -> Any:
        return rls.acting_as(self.alice.rls_actor)

    # What people do

    @rule(kind=st.sampled_from([*ASKS, *BIN]))
    def ask(self, kind: str) -> None:
        before, erasure = self.asked, operation_of(self.tenant)
        with suppress(Problem), self.as_alice():
            self.before[self._ask(kind).pk] = before
            self.asked = ASKS.get(kind, before)
            self.binned = BIN.get(kind, self.binned)
            if kind == "undelete" and before == "deleted":
                self.asked = self.before[erasure.pk]

    def _ask(self, kind: str) -> Operation:
        who = {"by": self.alice, "tenant": fresh(self.tenant)}
        if kind in ("delete", "erase"):
            return getattr(deletion, kind)(**who, confirm_name="Office")
        if kind == "undelete":
            return deletion.undelete(**who)
        if kind == "upgrade":
            return versions.upgrade(**who, version=OTHER[who["tenant"].spec["version"]])
        if kind == "resize":
            with all_rows():
                subscription = Subscription.objects.get()
                Subscription.objects.update(plan=OTHER[subscription.plan_id])
            return versions.resize(**who)
        return getattr(actions, kind)(**who)

    @rule()
    def cancel(self) -> None:
        operation = operation_of(self.tenant)
        handed_over = operation.handed_over
        with suppress(Problem), self.as_alice():
            actions.cancel(by=self.alice, operation=operation)
            self.asked = "stopped" if handed_over else self.before.get(operation.pk, self.asked)

    @rule()
    def retry(self) -> None:
        operation = operation_of(self.tenant)
        with suppress(Problem), self.as_alice():
            actions.retry(by=self.alice, operation=operation)
            self.retried[operation.pk] += 1

    @rule(state=st.sampled_from(["active", "suspended"]))
    def suspend_or_resume(self, state: str) -> None:
        with all_rows():
            Subscription.objects.update(state=state)
        if fresh(self.tenant).deleted_at is None:
            with rls.acting_as(f"org:{self.tenant.organization_id}"):
                wakeups.look_at(fresh(self.tenant))

    # What our processes do

    @rule(weather=st.lists(st.sampled_from(WEATHER), max_size=3), left=st.none() | st.integers(0, 9))
    def work(self, weather: list[str], left: int | None = None) -> None:
        self._let_time_pass()
        self.edge.weather = list(weather)
        with self.crasher.armed(left):
            reconcile(self.tenant.pk)

    @rule(told=st.sampled_from(FEEDS), left=st.none() | st.integers(0, 9))
    def read(self, told: str, left: int | None = None) -> None:
        Cell.objects.update(feed_owner="", feed_lease_until=None)
        self.edge.weather, self.edge.feed = [], told
        owner = feed.claim_feed("lo")
        with self.crasher.armed(left):
            feed.read_once("lo", owner)

    # What the edge does, and what becomes of it

    def _works(self) -> bool:
        view = self.edge.views.get(self.tenant.pk)
        return view is not None and view["run"]["state"] == "running"

    def _rests(self) -> bool:
        view = self.edge.views.get(self.tenant.pk)
        return view is not None and view["run"]["state"] != "running" and view["observed"] == "running"

    @precondition(_works)
    @rule(far=st.sampled_from(["further", "to its end", "to a failure"]))
    def the_edge_works(self, far: str) -> None:
        run = self.edge.views[self.tenant.pk]["run"]
        step = run["steps"][len(run["steps"]) // 2]["name"]
        if far == "to its end":
            self.edge.finish(self.tenant.pk)
        elif far == "further":
            self.edge.progress(self.tenant.pk, step)
        elif run["kind"] in ("upgrade", "rotate"):
            self.edge.roll_back(self.tenant.pk, step)
        else:
            self.edge.break_run(self.tenant.pk, step)

    @precondition(_rests)
    @rule()
    def the_edge_begins_something_itself(self) -> None:
        self.edge.begin_rotation(self.tenant.pk, f"op_{len(self.edge.changes)}{self.edge.feed_epoch}")

    @precondition(lambda self: self.edge.sent)
    @rule(data=st.data())
    def a_copy_of_an_older_call_arrives(self, data: Any) -> None:
        self.edge.serve(data.draw(st.sampled_from(self.edge.sent)))

    @rule()
    def the_edge_is_backed_up(self) -> None:
        self.backup = self.edge.state_of(self.tenant.pk)

    @precondition(lambda self: self.asked != "deleted")
    @rule()
    def the_edge_is_set_back(self) -> None:
        self.edge.set_back(self.tenant.pk, self.backup)
        # Copies from before would be the first that the edge has ever seen.
        self.edge.sent.clear()

    @rule()
    def the_feed_begins_anew(self) -> None:
        self.edge.begin_feed_anew()

    # What always holds

    @invariant()
    def no_operation_had_its_effect_twice(self) -> None:
        for operation, times in self.edge.effects.items():
            assert times <= 1 + self.retried[operation], f"{operation} had its effect {times} times"

    def teardown(self) -> None:
        try:
            self._converge()
        finally:
            self.router.stop()
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    def _converge(self) -> None:
        self.suspend_or_resume("active")
        for _ in range(ROUNDS):
            self.work([])
            if self._works():
                self.edge.finish(self.tenant.pk)
            self.read("whole")
            if fresh(self.tenant).status == "failed":
                self.retry()
        self._is_what_was_asked_last()

    def _is_what_was_asked_last(self) -> None:
        tenant, view = fresh(self.tenant), self.edge.views.get(self.tenant.pk)
        shown = "binned" if self.binned and self.asked != "deleted" else self.asked
        assert (tenant.requested, tenant.status) == (self.asked, shown)
        with rls.acting_as(f"org:{tenant.organization_id}"):
            still = list(Operation.objects.filter(state__in=Operation.OPEN).values_list("kind", "state"))
        assert still == []
        assert (tenant.next_attempt_at, tenant.lease_until, tenant.attempts) == (None, None, 0)
        assert Cell.objects.get().placed == (0 if self.asked == "deleted" else 1)
        if view is None:
            assert (shown in ("stopped", "binned"), tenant.generation) == (True, 0)
            return
        aim = "stopped" if shown == "binned" else shown
        assert (view["requested"], view["observed"]) == (aim, RESTS[aim])
        assert (view["generation"], view["seq"]) == (tenant.generation, tenant.edge_seq)
        if self.asked != "deleted":
            assert self.edge.bodies[tenant.pk]["plan"] == tenant.spec

    def _let_time_pass(self) -> None:
        """Leases end, and what was put off is due."""
        long_ago = timezone.now() - dt.timedelta(hours=1)
        with rls.acting_as(f"org:{self.tenant.organization_id}"):
            Tenant.objects.filter(lease_until__isnull=False).update(lease_until=long_ago)
            Tenant.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=long_ago)


def test_whatever_happens_a_tenant_comes_to_what_was_asked_last(alice: User, acme: Organization, cell: Cell) -> None:
    chosen = settings(
        max_examples=max(settings().max_examples // 5, 1),
        stateful_step_count=20,
        # A life of twenty events can be read as it is; to find a shorter one takes minutes.
        phases=[Phase.reuse, Phase.generate],
        report_multiple_bugs=False,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Life(actor_for(alice), acme), settings=chosen)

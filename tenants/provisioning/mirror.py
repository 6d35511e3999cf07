"""
Writes what the edge said into rows: the view on the tenant, its run on the operation and the steps.

Both who asks the edge (the reconciler) and who listens to it (the feed) come through here, in any order and any
number of times; `seq` tells which view is the later one. Callers hold the tenant's row lock.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils import timezone

from billing import actions as billing
from controlplane import audit, outbox
from controlplane.actor import Actor
from tenants.provisioning import kept, lifecycle, placement, specs
from tenants.provisioning.kinds import BESIDE_THE_SPEC, KIND_OF_RUN, SUBMIT
from tenants.provisioning.models import Operation, Step, Tenant
from tenants.provisioning.sighting import Run, SeenStep, Sighting
from tenants.provisioning.told import COLUMNS, columns_of

MIRRORED = ("observed", "observed_generation", "reason", "edge_view", *COLUMNS, "edge_seq", "told_at")

ERASED = "tenants.tenant.erased"
"""The fact that nothing of a tenant is left at the edge."""

OUTCOMES = {
    "succeeded": Operation.State.SUCCEEDED,
    "failed": Operation.State.FAILED,
    "cancelled": Operation.State.CANCELLED,
}
"""State of a run that has ended → state of its operation."""

OVERTAKEN = {
    "code": "OVERTAKEN",
    "message": "The edge went on to something else, and how this ended was not told.",
    "hint": "The tenant's page shows what it has and runs now.",
    "retryable": False,
}


Watcher = Callable[[Tenant], None]
_WATCHERS: list[Watcher] = []


def watches(watcher: Watcher) -> Watcher:
    """Register a function that gets the locked row of each tenant of which something new is known, in a transaction."""
    _WATCHERS.append(watcher)
    return watcher


def tell_watchers(tenant: Tenant) -> None:
    """Part of a transaction under the tenant's lock: its state may be another one now."""
    for watcher in _WATCHERS:
        watcher(tenant)


def locked(tenant_id: str) -> Tenant:
    """The tenant's row, locked until the transaction ends, with its cell."""
    return Tenant.objects.select_related("cell").select_for_update(of=("self",)).get(pk=tenant_id)


def record(tenant: Tenant, seen: Sighting, *, set_back: bool = False) -> bool:
    """
    Take over a view of a tenant; False if a later one, or the tenant's end, is known already.

    Args:
        set_back: it is what the edge holds now although a later one was known: the edge's state was set back.
    """
    if tenant.deleted_at is not None or (seen.seq < tenant.edge_seq and not set_back):
        return False
    tenant.observed, tenant.observed_generation = seen.observed, seen.observed_generation
    tenant.reason, tenant.edge_seq, tenant.told_at = seen.reason, seen.seq, timezone.now()
    _keep_view(tenant, _with_newest_positions(tenant, seen))
    if seen.observed == lifecycle.RUNNING:
        tenant.copy_from = None  # a clone that runs has its data
    tenant.save(update_fields=[*MIRRORED, "copy_from"])
    _record_run(tenant, seen)
    _want_what_runs(tenant, seen)
    end_overtaken(tenant, seen)
    _close_what_is_reached(tenant, seen)
    tell_watchers(tenant)
    return True


def end_overtaken(tenant: Tenant, seen: Sighting) -> None:
    """
    End what the edge had begun beside the spec and tells no more of.

    A view shows the newest run alone. Of one that another has followed, the end was either told before or missed.
    """
    beside = Operation.objects.filter(tenant=tenant, kind__in=BESIDE_THE_SPEC, state__in=Operation.OPEN)
    for operation in beside.exclude(pk=seen.run.operation_id if seen.run else ""):
        if not _is_unacknowledged(operation):
            finish(operation, Operation.State.CANCELLED, OVERTAKEN)


def record_absence(tenant: Tenant) -> None:
    """The edge knows nothing of this tenant: forget what it said before."""
    tenant.observed, tenant.observed_generation, tenant.reason = "absent", 0, None
    tenant.edge_seq, tenant.told_at = -1, timezone.now()
    _keep_view(tenant, None)
    tenant.save(update_fields=MIRRORED)
    tell_watchers(tenant)


def _keep_view(tenant: Tenant, view: dict[str, Any] | None) -> None:
    tenant.edge_view = view
    for name, value in columns_of(view).items():
        setattr(tenant, name, value)


def open_operation(tenant: Tenant) -> Operation | None:
    """The one exclusive operation that is going on."""
    return Operation.objects.filter(tenant=tenant, exclusive=True, state__in=Operation.OPEN).first()


def finish(operation: Operation, state: str, error: dict[str, Any] | None = None) -> None:
    """End an operation; what did not come to an end in it stays as it was."""
    operation.state, operation.error, operation.finished_at = state, error, timezone.now()
    operation.save(update_fields=["state", "error", "finished_at"])


def succeed(operation: Operation) -> None:
    """End an operation of which all steps hold."""
    unfinished = operation.steps.exclude(state=Step.State.SUCCEEDED)
    unfinished.update(state=Step.State.SUCCEEDED, finished_at=timezone.now(), error=None)
    finish(operation, Operation.State.SUCCEEDED)


def add_steps(operation: Operation) -> None:
    """List the steps of a new operation before any of them begins."""
    kind = operation.known_kind
    Step.objects.bulk_create(
        Step(operation=operation, organization_id=operation.organization_id, position=position, name=name)
        for position, name in enumerate(kind.steps if kind else ())
    )


def bury(tenant: Tenant) -> None:
    """The edge has erased everything: close the tenant for good and give its places back."""
    now = timezone.now()
    tenant.deleted_at, tenant.next_attempt_at, tenant.halted_at, tenant.observed = now, None, None, "absent"
    tenant.save(update_fields=["deleted_at", "next_attempt_at", "halted_at", "observed"])
    for operation in Operation.objects.filter(tenant=tenant, state__in=(*Operation.OPEN, Operation.State.SCHEDULED)):
        if operation.known_kind is not None and operation.known_kind.aims_at == lifecycle.DELETED:
            succeed(operation)
        else:
            finish(operation, Operation.State.CANCELLED, OVERTAKEN)
    billing.release_tenant(organization_id=tenant.organization_id)
    placement.release(tenant.cell_id)
    audit.record(
        by=Actor.system("the edge has erased the tenant", organization_id=tenant.organization_id),
        action=ERASED,
        organization_id=tenant.organization_id,
        target=tenant.pk,
        data={"name": tenant.name},
    )
    payload = {"tenant": tenant.pk}
    outbox.publish(ERASED, key=tenant.pk, organization_id=tenant.organization_id, payload=payload)


MOVES: dict[str, tuple[dict[str, Any], str]] = {
    "stream": ({"seq": 0, "last_event_at": None}, "seq"),
    "audit": ({"position": 0, "hash": ""}, "position"),
}
"""What moves without a change of the view, which may so tell an older position: where it begins, and its number."""


def _with_newest_positions(tenant: Tenant, seen: Sighting) -> dict[str, Any]:
    newest = {}
    for name, (none, number) in MOVES.items():
        known, told = (tenant.edge_view or {}).get(name) or none, seen.raw.get(name) or none
        newest[name] = known if known[number] > told[number] else told
    return {**seen.raw, **newest}


def _record_run(tenant: Tenant, seen: Sighting) -> None:
    run = seen.run
    if run is None:
        return
    operation = Operation.objects.filter(pk=run.operation_id, tenant=tenant).first() or _adopt(tenant, seen, run)
    if not _is_told_of(operation, seen):
        return
    record_steps(operation, run.steps)
    if run.state in OUTCOMES:
        finish(operation, OUTCOMES[run.state], run.error or seen.reason if run.state == "failed" else None)
    elif operation.state != Operation.State.RUNNING:
        operation.state = Operation.State.RUNNING
        operation.save(update_fields=["state"])


def _want_what_runs(tenant: Tenant, seen: Sighting) -> None:
    """A change that the edge took back is wanted no more, unless something else was asked for since."""
    run = seen.run
    runs = _what_runs(tenant, seen) if run is not None and run.state == "failed" else None
    newest = lifecycle.spec_hash(seen.requested, tenant.spec) == tenant.sent_hash and seen.fence == tenant.fence
    if run is not None and runs is not None and newest:
        kept.want(tenant, runs, f"the edge took a change of {TAKEN_BACK[run.kind]} back")


TAKEN_BACK = {"upgrade": "version", "content": "content"}
"""Kinds of runs that the edge takes back by itself → what of the spec they change."""


def _what_runs(tenant: Tenant, seen: Sighting) -> dict[str, Any] | None:
    """The spec that a tenant is known to run after such a run; None after others, and where that was not told."""
    part = TAKEN_BACK.get(seen.run.kind if seen.run else "")
    if part == "version":
        return {**tenant.spec, "version": seen.raw["version"]} if seen.raw.get("version") else None
    told = seen.raw.get("content")
    return specs.with_content(tenant.spec, told.get("applied")) if part and isinstance(told, dict) else None


def _is_told_of(operation: Operation, seen: Sighting) -> bool:
    """
    Whether a view tells about this operation as it is now.

    After a Retry a view from before it may still arrive: its run failed under an older generation, or the operation
    has not been handed over again yet. It must not end the operation a second time. What goes out under no generation
    of its own fails only once the edge has acknowledged it.
    """
    target = operation.target_generation
    if not operation.is_open or target is None or seen.generation < target:
        return False
    failed = seen.run is not None and seen.run.state == "failed" and operation.kind in BESIDE_THE_SPEC
    return not failed or not _is_unacknowledged(operation)


def _is_unacknowledged(operation: Operation) -> bool:
    return operation.steps.filter(name=SUBMIT).exclude(state=Step.State.SUCCEEDED).exists()


def _adopt(tenant: Tenant, seen: Sighting, run: Run) -> Operation:
    """A run that began at the edge becomes an operation like any other."""
    return Operation.objects.create(
        id=run.operation_id,
        organization_id=tenant.organization_id,
        tenant=tenant,
        kind=KIND_OF_RUN.get(run.kind, run.kind),
        state=Operation.State.RUNNING,
        source=Operation.Source.EDGE,
        exclusive=False,
        base_requested=tenant.requested,
        base_generation=seen.generation,
        target_generation=seen.generation,
        started_at=min((step.started_at for step in run.steps if step.started_at), default=timezone.now()),
    )


def record_steps(operation: Operation, steps: Iterable[SeenStep]) -> None:
    """Part of a transaction under the tenant's lock: what the edge told of an operation's steps."""
    listed = {step.name: step for step in operation.steps.all()}
    first = 1 if SUBMIT in listed else 0
    for position, seen in enumerate(steps, start=first):
        step = listed.get(seen.name) or Step(
            operation=operation, organization_id=operation.organization_id, name=seen.name
        )
        news = {name: getattr(seen, name) for name in ("state", "attempts", "started_at", "finished_at", "error")}
        _save_if_new(step, {"position": position, **news})
    if SUBMIT in listed:
        mark_submitted(listed[SUBMIT])


def mark_submitted(step: Step) -> None:
    """The edge has the operation: handing it over is done."""
    if step.state != Step.State.SUCCEEDED:
        now = timezone.now()
        news = {"state": Step.State.SUCCEEDED, "finished_at": now, "started_at": step.started_at or now, "error": None}
        _save_if_new(step, news)


def _save_if_new(step: Step, news: dict[str, Any]) -> None:
    if step.pk is not None and all(getattr(step, name) == value for name, value in news.items()):
        return
    for name, value in news.items():
        setattr(step, name, value)
    step.save()


def _close_what_is_reached(tenant: Tenant, seen: Sighting) -> None:
    """End what is reached without a run of its own, as when nothing had to be done; bury what is erased."""
    if not lifecycle.is_reached(seen.requested, tenant.fence, seen):
        return
    if tenant.requested == seen.requested == lifecycle.DELETED:
        bury(tenant)
        return
    operation = open_operation(tenant)
    own_run = seen.run is not None and operation is not None and seen.run.operation_id == operation.pk
    if operation is None or operation.kind in BESIDE_THE_SPEC:
        return
    if operation.target_generation == tenant.generation and not own_run:
        succeed(operation)

"""Turns what is wanted of a tenant into what goes out: which operation, under which generation."""

from typing import Any

from django.utils import timezone

from controlplane import outbox
from controlplane.ids import new_id
from tenants.provisioning import lifecycle, mirror
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.kinds import BESIDE_THE_SPEC, KIND_THAT_REACHES, KINDS, SUBMIT
from tenants.provisioning.models import Operation, Step, Tenant

SUPERSEDED = {
    "code": "SUPERSEDED",
    "message": "The subscription was suspended or resumed meanwhile, which asks for something else.",
    "hint": "A suspended organization's tenants start by themselves once the subscription is settled.",
    "retryable": False,
}


def settle(tenant: Tenant, aim: str) -> None:
    """
    Give the tenant a new generation if what would be sent differs from what was sent last.

    It differs when an operation was asked for, or when the effective spec has another hash (a suspension); a change
    that nobody asked for in person gets an operation of the system. The generation is stored before anything goes
    out, so that a repeated claim sends the same bytes under the same fence.
    """
    operation = _operation_towards(tenant, aim)
    if not tenant.ever_sent and aim == lifecycle.STOPPED:
        _end_what_needs_nothing(operation)
        return
    fingerprint = lifecycle.spec_hash(aim, tenant.spec)
    if fingerprint == tenant.sent_hash:
        return
    if operation is not None and operation.kind in BESIDE_THE_SPEC:
        mirror.finish(operation, Operation.State.CANCELLED, SUPERSEDED)
        operation = None
    operation = operation if operation is not None else begin(tenant, KIND_THAT_REACHES[aim], Operation.Source.SYSTEM)
    tenant.generation = _newest_known(tenant) + 1
    tenant.sent_hash, tenant.sent_operation_id = fingerprint, operation.pk
    tenant.halted_at, tenant.attempts = None, 1
    tenant.save(update_fields=["generation", "sent_hash", "sent_operation_id", "halted_at", "attempts"])
    hand_over(operation, tenant.generation)


def begin(tenant: Tenant, kind: str, source: str, **more: Any) -> Operation:
    """Open an operation with all its steps pending. What changes the spec is saved by waking the reconciler."""
    operation = Operation.objects.create(
        organization_id=tenant.organization_id,
        tenant=tenant,
        kind=kind,
        source=source,
        base_requested=more.pop("base_requested", tenant.requested),
        base_generation=tenant.generation,
        **more,
    )
    mirror.add_steps(operation)
    if KINDS[kind].changes_spec:
        forget_what_was_sent(tenant)
    return operation


def bring(operation: Operation) -> None:
    """Part of an action: have what changes no spec brought to the edge. Each call is one attempt there."""
    outbox.publish(
        KINDS[operation.kind].fact,
        key=new_id("fact"),
        organization_id=operation.organization_id,
        payload={"operation": operation.pk},
    )


def forget_what_was_sent(tenant: Tenant) -> None:
    """Something is to be handed over anew: the next claim gives it a generation of its own. Saves nothing."""
    tenant.sent_hash = ""


def note_failure(operation: Operation | None, error: EdgeError, state: str) -> None:
    """Show on the operation why handing it over, or following it, did not succeed."""
    if operation is None:
        return
    step = operation.steps.exclude(state=Step.State.SUCCEEDED).first()
    if step is not None and step.name == SUBMIT:
        failed = state == Operation.State.FAILED
        step.state = Step.State.FAILED if failed else Step.State.RUNNING
        step.attempts, step.error = step.attempts + 1, error.as_json()
        step.finished_at = timezone.now() if failed else None
        step.save()
    if state == Operation.State.FAILED:
        mirror.finish(operation, state, error.as_json())
    else:
        operation.state = state
        operation.save(update_fields=["state"])


def _operation_towards(tenant: Tenant, aim: str) -> Operation | None:
    """The open operation that leads to the aim; one that leads elsewhere can't go on and ends here."""
    operation = mirror.open_operation(tenant)
    if operation is None or operation.known_kind is None or operation.known_kind.aims_at in (None, aim):
        return operation
    mirror.finish(operation, Operation.State.CANCELLED, SUPERSEDED)
    return None


def _end_what_needs_nothing(operation: Operation | None) -> None:
    """A tenant that never left here is stopped already."""
    if operation is not None:
        mirror.succeed(operation)


def _newest_known(tenant: Tenant) -> int:
    """The highest generation that we or, after a database was set back, the edge have used."""
    seen = (tenant.edge_view or {}).get("generation", 0)
    return max(tenant.generation, seen)


def hand_over(operation: Operation, generation: int) -> None:
    """Note that the edge may know of an operation from now on, under this generation of the tenant."""
    now = timezone.now()
    operation.target_generation, operation.state = generation, Operation.State.RUNNING
    operation.started_at = operation.started_at or now
    operation.save(update_fields=["target_generation", "state", "started_at"])
    operation.steps.filter(name=SUBMIT).update(state=Step.State.RUNNING, started_at=now, finished_at=None, error=None)

"""
Brings to the edge what people asked for beside the spec, until the edge has it or refuses it.

A delivery may come twice: the edge knows an operation by its id, and does it once.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from controlplane import outbox
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.protection.backups import mirror as backup_mirror
from tenants.protection.backups.actions import ASKED as BACKUP_ASKED
from tenants.protection.backups.models import Backup
from tenants.provisioning import intents, mirror
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.kinds import KINDS, RESTORE, ROTATE, ROTATE_CREDENTIALS, SLEEP, SUBMIT, WAKE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.sighting import Sighting


@outbox.subscriber(KINDS[ROTATE].fact, in_transaction=False)
def rotate_at_the_edge(message: Message) -> None:
    """Have the edge exchange a tenant's certificates."""
    _bring(message, EdgeApi.rotate_certificates)


@outbox.subscriber(KINDS[ROTATE_CREDENTIALS].fact, in_transaction=False)
def rotate_credentials_at_the_edge(message: Message) -> None:
    """Have the edge exchange the passwords of a tenant's nodes."""
    _bring(message, EdgeApi.rotate_credentials)


@outbox.subscriber(KINDS[SLEEP].fact, in_transaction=False)
def sleep_at_the_edge(message: Message) -> None:
    """Have the edge put a tenant to sleep, if nobody uses it."""
    _bring(message, EdgeApi.sleep)


@outbox.subscriber(KINDS[WAKE].fact, in_transaction=False)
def wake_at_the_edge(message: Message) -> None:
    """Have the edge wake a tenant."""
    _bring(message, EdgeApi.wake)


@outbox.subscriber(KINDS[RESTORE].fact, in_transaction=False)
def restore_at_the_edge(message: Message) -> None:
    """Have the edge restore a tenant. It knows an attempt by its fact: only a Retry, which is another, begins anew."""
    _bring(message, EdgeApi.restore, idempotency_key=message.pk)


@outbox.subscriber(BACKUP_ASKED, in_transaction=False)
def back_up_at_the_edge(message: Message) -> None:
    """Have the edge make a backup, which bears the row's id there too."""
    actor = f"org:{message.organization_id}"
    with acting_as(actor):
        backup = Backup.objects.select_related("tenant__cell").get(pk=message.payload["backup"])
    tenant = backup.tenant
    body = {"epoch": tenant.cell.epoch, "idempotency_key": message.pk, "backup": backup.pk}
    try:
        told = EdgeApi(tenant.cell).order_backup(tenant.pk, body)
    except EdgeError as error:
        if error.retryable:
            raise
        with acting_as(actor):
            backup_mirror.give_up(backup, error)
    else:
        with acting_as(actor):
            mirror.locked(tenant.pk)
            backup_mirror.take_over(tenant, told)


def _bring(message: Message, call: Callable[[EdgeApi, str, Mapping[str, Any]], Sighting], **more: str) -> None:
    """Hand an operation over. An answer that helps nobody to repeat ends it."""
    actor = f"org:{message.organization_id}"
    held = hand_over(actor, message.payload["operation"])
    if held is None:
        return  # taken back, or overtaken by something else
    tenant, operation = held
    body = {"epoch": tenant.cell.epoch, "operation_id": operation.pk, **operation.arguments, **more}
    try:
        with structlog.contextvars.bound_contextvars(operation=operation.pk):
            seen = call(EdgeApi(tenant.cell), tenant.pk, body)
    except EdgeError as error:
        note_failure(actor, operation, error)
        if error.retryable:
            raise
    else:
        _take_over(actor, operation, seen)


def hand_over(actor: str, operation_id: str) -> tuple[Tenant, Operation] | None:
    """The tenant and the operation, noted as told to the edge before it is, so that nobody takes it back meanwhile."""
    with acting_as(actor):
        tenant = mirror.locked(Operation.objects.get(pk=operation_id).tenant_id)
        operation = Operation.objects.get(pk=operation_id)
        if not operation.is_open:
            return None
        intents.hand_over(operation, tenant.generation)
        return tenant, operation


def note_failure(actor: str, asked: Operation, error: EdgeError) -> None:
    """Show on the operation why the edge did not take it; what is no use to repeat ends it."""
    with acting_as(actor):
        mirror.locked(asked.tenant_id)
        operation = Operation.objects.get(pk=asked.pk)
        if operation.is_open:
            state = Operation.State.WAITING if error.retryable else Operation.State.FAILED
            intents.note_failure(operation, error, state)


def _take_over(actor: str, asked: Operation, seen: Sighting) -> None:
    with acting_as(actor):
        tenant = mirror.locked(asked.tenant_id)
        mirror.mark_submitted(asked.steps.get(name=SUBMIT))
        if not mirror.record(tenant, seen):
            mirror.end_overtaken(tenant, Sighting.read(tenant.edge_view or seen.raw))

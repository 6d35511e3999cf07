"""Brings exports to the edge, and mirrors how far they are: by its feed and by reading them anew, in any order."""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from controlplane import outbox
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.protection.commands import hand_over, note_failure
from tenants.protection.exports.models import Export
from tenants.provisioning import mirror
from tenants.provisioning.changes import Change
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.feed import handles
from tenants.provisioning.kinds import EXPORT, KINDS, SUBMIT
from tenants.provisioning.models import Operation, Step, Tenant
from tenants.provisioning.reconciler import REFRESHERS
from tenants.provisioning.sighting import read_step, read_time

EXPIRED = {
    "code": "OVERTAKEN",
    "message": "The edge has no such export any more.",
    "hint": "Ask for another one.",
    "retryable": False,
}


@outbox.subscriber(KINDS[EXPORT].fact, in_transaction=False)
def export_at_the_edge(message: Message) -> None:
    """Have the edge make an export. A delivery may come twice: the edge knows it by its id."""
    actor = f"org:{message.organization_id}"
    held = hand_over(actor, message.payload["operation"])
    if held is None:
        return
    tenant, operation = held
    body = {"epoch": tenant.cell.epoch, "operation_id": operation.pk}
    try:
        with structlog.contextvars.bound_contextvars(operation=operation.pk):
            told = EdgeApi(tenant.cell).order_export(tenant.pk, operation.arguments["export"], body)
    except EdgeError as error:
        note_failure(actor, operation, error)
        if error.retryable:
            raise
    else:
        with acting_as(actor):
            take_over(mirror.locked(tenant.pk), told)


@handles("export")
def note_export(tenant: Tenant, change: Change) -> None:
    """The edge began, went on with, made or gave up an export."""
    take_over(tenant, change.data)


def refresh(tenant: Tenant, edge: EdgeApi) -> Iterator[None]:
    """Read all exports anew; one under way that the edge does not know any more has ended."""
    listed = edge.exports(tenant.pk)
    with acting_as(f"org:{tenant.organization_id}"):
        mirror.locked(tenant.pk)
        for told in listed:
            take_over(tenant, told)
        going = Operation.objects.filter(tenant=tenant, kind=EXPORT, state__in=Operation.OPEN)
        taken = going.filter(steps__name=SUBMIT, steps__state=Step.State.SUCCEEDED)
        for operation in taken.exclude(pk__in=[told["operation_id"] for told in listed]):
            mirror.finish(operation, Operation.State.FAILED, EXPIRED)
    yield


REFRESHERS.append(refresh)


def take_over(tenant: Tenant, told: Mapping[str, Any]) -> None:
    """Part of a transaction under the tenant's lock: note what the edge says of an export, unless it has ended."""
    export = Export.objects.select_related("operation").filter(pk=str(told["id"]), tenant=tenant).first()
    if export is None or not export.operation.is_open:
        return
    export.files, export.records, export.bytes = told["files"], told["records"], told["bytes"]
    export.left_out, export.expires_at = list(told["left_out"]), read_time(told["expires_at"])
    export.save(update_fields=["files", "records", "bytes", "left_out", "expires_at"])
    mirror.record_steps(export.operation, [read_step(step) for step in told["steps"]])
    if told["state"] in mirror.OUTCOMES:
        mirror.finish(export.operation, mirror.OUTCOMES[told["state"]], told.get("error"))

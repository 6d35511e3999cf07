"""`manage.py edge_backup`: backups of one tenant at its edge, with the control key; for operators of the platform."""

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.environment import environment
from controlplane.ids import new_id
from controlplane.rls import acting_as
from tenants.provisioning import identity
from tenants.provisioning.claims import actor_of_change
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.sighting import Sighting

WAIT_SECONDS, LOOK_EVERY = 600.0, 0.2


class Command(BaseCommand):
    help = "Take a backup, restore it in place, make a new tenant of it, or delete such a tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        """A clone is known to the edge alone: no organization owns it."""
        parser.add_argument("act", choices=["take", "list", "restore", "clone", "delete-clone"])
        parser.add_argument("--tenant", required=True)
        parser.add_argument("--backup", default="")

    def handle(self, *args: Any, **options: Any) -> str:
        """Prints the id of what was made: the backup, the operation or the clone."""
        tenant_id, backup = options["tenant"], options["backup"]
        cell = Cell.objects.filter(pk=tenant_id[:2]).first()
        if cell is None:
            raise CommandError(f"There is no cell {tenant_id[:2]}.")
        acts: dict[str, Callable[[], str]] = {
            "take": lambda: _take(cell, tenant_id),
            "list": lambda: _list(cell, tenant_id),
            "restore": lambda: _restore(cell, tenant_id, backup),
            "clone": lambda: _clone(cell, tenant_id, backup),
            "delete-clone": lambda: _delete_clone(cell, tenant_id),
        }
        return acts[options["act"]]()


def _take(cell: Cell, tenant_id: str) -> str:
    edge = EdgeApi(cell)
    id = str(edge.order_backup(tenant_id, {"epoch": cell.epoch, "idempotency_key": new_id("idem")})["id"])
    made = _awaited(lambda: _ended(edge, tenant_id, id), f"backup {id}")
    if made["state"] != "succeeded":
        raise CommandError(f"{id} failed: {made['error']}")
    return id


def _ended(edge: EdgeApi, tenant_id: str, id: str) -> dict[str, Any] | None:
    return next((one for one in edge.backups(tenant_id) if one["id"] == id and one["state"] != "running"), None)


def _list(cell: Cell, tenant_id: str) -> str:
    rows = EdgeApi(cell).backups(tenant_id)
    return "\n".join(f"{row['id']} {row['kind']} {row['state']} {row['at']} until {row['expires_at']}" for row in rows)


def _restore(cell: Cell, tenant_id: str, backup: str) -> str:
    operation = new_id("op")
    body = {"epoch": cell.epoch, "idempotency_key": operation, "operation_id": operation, "backup": backup}
    EdgeApi(cell).restore(tenant_id, body)
    _succeeded(cell, tenant_id, operation)
    return operation


def _clone(cell: Cell, tenant_id: str, backup: str) -> str:
    clone = identity.mint(cell.pk, bytes.fromhex(environment().cell_id_keys[cell.pk]))
    operation = new_id("op")
    intent = {"epoch": cell.epoch, "generation": 1, "operation_id": operation, "requested": "running"}
    source = {"tenant": tenant_id, "backup": backup}
    EdgeApi(cell).put_tenant(clone, {**intent, "plan": _plan_of(cell, tenant_id), "from": source})
    _succeeded(cell, clone, operation)
    return clone


def _plan_of(cell: Cell, tenant_id: str) -> dict[str, Any]:
    actor = actor_of_change(cell.pk, tenant_id)
    if actor is None:
        raise CommandError(f"The portal knows no tenant {tenant_id}, and so no plan for a clone of it.")
    with acting_as(actor):
        return dict(Tenant.objects.get(pk=tenant_id).spec)


def _delete_clone(cell: Cell, tenant_id: str) -> str:
    if actor_of_change(cell.pk, tenant_id) is not None:
        raise CommandError("An organization owns this tenant; it is deleted in the portal.")
    operation = new_id("op")
    EdgeApi(cell).delete_tenant(tenant_id, {"epoch": cell.epoch, "generation": 2, "operation_id": operation})
    _awaited(lambda: EdgeApi(cell).get_tenant(tenant_id).observed == "absent", f"the end of {tenant_id}")
    return operation


def _succeeded(cell: Cell, tenant_id: str, operation: str) -> None:
    seen: Sighting = _awaited(lambda: _run_ended(cell, tenant_id, operation), f"operation {operation}")
    if seen.run is None or seen.run.state != "succeeded":
        raise CommandError(f"{operation} failed: {seen.run and seen.run.error}")


def _run_ended(cell: Cell, tenant_id: str, operation: str) -> Sighting | None:
    seen = EdgeApi(cell).get_tenant(tenant_id)
    ended = seen.run is not None and seen.run.operation_id == operation and seen.run.state != "running"
    return seen if ended else None


def _awaited[Found](look: Callable[[], Found | None], what: str) -> Found:
    end = time.monotonic() + WAIT_SECONDS
    while not (found := look()):
        if time.monotonic() > end:
            raise CommandError(f"{what} took longer than {WAIT_SECONDS:.0f} seconds; it goes on at the edge.")
        time.sleep(LOOK_EVERY)
    return found

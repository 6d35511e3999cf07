"""`manage.py verify_edge_audit`: checks the audit trail that a tenant's edge keeps in its event stream."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.rls import acting_as
from tenants.access import edge_trail
from tenants.provisioning.claims import actor_of_change
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Cell, Tenant

NOTHING: edge_trail.Head = {"position": 0, "hash": ""}


class Command(BaseCommand):
    help = "Walk the audit trails of tenants at their edge, each up to where the tenant object says that it ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, nargs="+")

    def handle(self, *args: Any, **options: Any) -> None:
        """Says of each how far its trail holds; exit status 1 where one does not, after all were looked at."""
        broken = []
        for tenant_id in options["tenant"]:
            try:
                self.stdout.write(f"{tenant_id}: {_verified(tenant_id)}.")
            except (EdgeError, _Doubt) as reason:
                broken.append(f"{tenant_id}: {reason}")
        if broken:
            raise CommandError("\n".join(broken))


class _Doubt(Exception):
    """A trail does not hold, or there is none; the message says why."""


def _verified(tenant_id: str) -> str:
    """How many records of a trail hold. Raises EdgeError, _Doubt."""
    cell = Cell.objects.filter(pk=tenant_id[:2]).first()
    if cell is None:
        raise _Doubt(f"There is no cell {tenant_id[:2]}.")
    known = _known(cell, tenant_id)
    head: edge_trail.Head = EdgeApi(cell).get_tenant(tenant_id).raw.get("audit") or NOTHING
    trail = edge_trail.read(cell, tenant_id)
    found = edge_trail.first_break(tenant_id, trail, head=head, known=known)
    if found:
        raise _Doubt(f"{found.reason} at position {found.position}.")
    begins = trail.records[0]["chain"]["position"] if trail.records else head["position"] + 1
    earlier = f"; {begins - 1} before them left the stream with its retention" if begins > 1 else ""
    return f"{len(trail.records)} records hold{earlier}"


def _known(cell: Cell, tenant_id: str) -> edge_trail.Head:
    """The end of the trail as the portal learned it last."""
    actor = actor_of_change(cell.pk, tenant_id)
    if actor is None:
        return NOTHING
    with acting_as(actor):
        return (Tenant.objects.get(pk=tenant_id).edge_view or {}).get("audit") or NOTHING

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
    help = "Walk the audit trail of one tenant at its edge, up to where the tenant object says that it ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Says how far the trail holds; exit status 1 where it does not."""
        tenant_id = options["tenant"]
        cell = Cell.objects.filter(pk=tenant_id[:2]).first()
        if cell is None:
            raise CommandError(f"There is no cell {tenant_id[:2]}.")
        known = _known(cell, tenant_id)
        try:
            head: edge_trail.Head = EdgeApi(cell).get_tenant(tenant_id).raw.get("audit") or NOTHING
            trail = edge_trail.read(cell, tenant_id)
        except EdgeError as error:
            raise CommandError(f"{tenant_id}: {error}") from error
        found = edge_trail.first_break(tenant_id, trail, head=head, known=known)
        if found:
            raise CommandError(f"{tenant_id}: {found.reason} at position {found.position}.")
        begins = trail.records[0]["chain"]["position"] if trail.records else head["position"] + 1
        earlier = f"; {begins - 1} before them left the stream with its retention" if begins > 1 else ""
        self.stdout.write(f"{tenant_id}: {len(trail.records)} records hold{earlier}.")


def _known(cell: Cell, tenant_id: str) -> edge_trail.Head:
    """The end of the trail as the portal learned it last."""
    actor = actor_of_change(cell.pk, tenant_id)
    if actor is None:
        return NOTHING
    with acting_as(actor):
        return (Tenant.objects.get(pk=tenant_id).edge_view or {}).get("audit") or NOTHING

"""`manage.py verify_edge_audit`: checks the audit trail that a tenant's edge keeps in its event stream."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.models import AuditEntry
from controlplane.rls import acting_as
from tenants.access import edge_trail, trail_heads
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
    known, portal = _known(cell, tenant_id)
    head: edge_trail.Head = EdgeApi(cell).get_tenant(tenant_id).raw.get("audit") or NOTHING
    trail = edge_trail.read(cell, tenant_id)
    found = edge_trail.first_break(tenant_id, trail, head=head, known=known)
    if found:
        raise _Doubt(f"{found.reason} at position {found.position}.")
    _led_through(trail, portal)
    begins = trail.records[0]["chain"]["position"] if trail.records else head["position"] + 1
    earlier = f"; {begins - 1} before them left the stream with its retention" if begins > 1 else ""
    return f"{len(trail.records)} records hold{earlier}"


def _known(cell: Cell, tenant_id: str) -> tuple[list[edge_trail.Head], str]:
    """The ends of the trail that the portal learned of, and as whom its own trail is read."""
    actor = actor_of_change(cell.pk, tenant_id)
    if actor is None:
        return [], ""
    with acting_as(actor):
        tenant = Tenant.objects.get(pk=tenant_id)
        last = (tenant.edge_view or {}).get("audit")
        return [*trail_heads.recorded_ends(tenant), *([last] if last else [])], actor


def _led_through(trail: edge_trail.Trail, actor: str) -> None:
    """Every end of the portal's trail that the edge was told must be in that trail. Raises _Doubt."""
    told = [record for record in trail.records if record["action"] == "trail.noted"]
    if not told:
        return
    with acting_as(actor):
        entries = AuditEntry.objects.filter(organization_id=told[0]["organization"])
        macs = dict(
            entries.filter(position__in={each["portal_position"] for each in told}).values_list("position", "mac")
        )
    for record in told:
        position = record["portal_position"]
        if macs.get(position) != record["portal_hash"]:
            what = "is another now" if position in macs else "is missing"
            raise _Doubt(f"Entry {position} of the portal's trail, which the edge was told of, {what}.")

"""Makes the figures of a report: what somebody may see of each client at this moment, frozen as plain values."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Forbidden
from fleet.reports.parts import PARTS, Cell
from fleet.reports.spans import Span
from organizations import queries as organizations
from organizations.models import Organization
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Tenant

Figures = dict[str, Any]
MOST_ROWS = 200
"""Rows that are kept of one table of one client; how many more there were is told."""
NOT_THE_MAKERS = "Whoever had this report made does not see these figures."


def reached(actor: Actor, organization: Organization) -> list[Organization]:
    """Whose tenants a report of the organization can tell of now: its own and, of an MSP, its clients', by name."""
    ids = [organization.pk]
    if organization.is_msp:
        ids += organizations.clients_reached(actor, organization).values_list("pk", flat=True)
    return list(organizations.visible_to(actor, "tenant.view").filter(pk__in=ids).order_by("name"))


def figures(
    actor: Actor, organization: Organization, *, clients: Sequence[str], parts: Sequence[str], span: Span, zone: str
) -> Figures:
    """
    Every table of every client that `actor` sees now.

    Args: clients: ids, none for all; parts: keys of `PARTS`. Who was named and is not reached is told as left out.
    Raises Forbidden where there is nobody left to tell of.
    """
    seen = reached(actor, organization)
    chosen = [each for each in seen if each.pk in (clients or [each.pk])]
    if not chosen:
        raise Forbidden("None of these clients can be seen by whoever has the report made. Nothing was made.")
    seen_of = able(actor, [each.pk for each in chosen], parts)
    sections = [_section(actor, client, parts, span, seen_of) for client in chosen]
    for table in (table for section in sections for table in section["tables"]):
        table["rows"] = [[_plain(cell, zone) for cell in row] for row in table["rows"]]
    begins, ends = (moment.astimezone(ZoneInfo(zone)) for moment in span)
    return {
        "of": {"id": organization.pk, "name": organization.name},
        "from": begins.isoformat(),
        "to": ends.isoformat(),
        "time_zone": zone,
        "made_at": timezone.now().astimezone(ZoneInfo(zone)).isoformat(timespec="seconds"),
        # Only a number: names of clients that are not reached any more are not whoever reads this one's to know.
        "left_out": len(set(clients) - {each.pk for each in chosen}),
        # An MSP's own organization has a section where it runs tenants itself.
        "clients": [each for each in sections if each["tenants"] or each["id"] in clients or len(sections) == 1],
    }


def able(actor: Actor, clients: Collection[str], parts: Collection[str]) -> dict[str, set[str]]:
    """Part → those of some clients, by id, where somebody has the permission that its table takes."""
    permissions = {PARTS[part].permission for part in parts}
    allowed = {
        permission: set(organizations.visible_to(actor, permission).filter(pk__in=clients).values_list("pk", flat=True))
        for permission in permissions
    }
    return {part: allowed[PARTS[part].permission] for part in parts}


def _section(
    actor: Actor, client: Organization, parts: Sequence[str], span: Span, seen_of: Mapping[str, set[str]]
) -> Figures:
    tenants = _tenants(actor, client, *span)
    wanted = [name for name in PARTS if name in parts]
    tables = [_table(name, tenants, span, client.pk in seen_of[name]) for name in wanted]
    return {"id": client.pk, "name": client.name, "tenants": len(tenants), "tables": tables}


def _table(name: str, tenants: Sequence[Tenant], span: Span, allowed: bool) -> Figures:
    part = PARTS[name]
    rows = part.make(tenants, *span) if allowed and tenants else []
    return {
        "part": name,
        "title": part.title,
        "columns": list(part.columns),
        "rows": rows[:MOST_ROWS],
        "left_out": len(rows[MOST_ROWS:]),
        "note": part.note if allowed else "",
        "hidden": "" if allowed else NOT_THE_MAKERS,
    }


def _tenants(actor: Actor, client: Organization, begins: dt.datetime, ends: dt.datetime) -> list[Tenant]:
    """Those that were there in the time, deleted since or not."""
    there = Q(deleted_at__isnull=True) | Q(deleted_at__gte=begins)
    found = provisioning.visible_to(actor).filter(there, organization=client, created_at__lt=ends)
    return list(found.order_by("name", "id"))


def _plain(cell: Cell, zone: str) -> Cell:
    """A cell as it is kept: moments as they are written in the report's zone."""
    return f"{cell.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if isinstance(cell, dt.datetime) else cell

"""Makes the figures of a report: what somebody may see of each client at this moment, frozen as plain values."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Forbidden
from fleet.reports.parts import PARTS
from fleet.reports.spans import Span
from organizations import queries as organizations
from organizations.models import Organization
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Tenant

Figures = dict[str, Any]


def reached(actor: Actor, organization: Organization) -> list[Organization]:
    """Whose tenants a report of the organization can tell of now: its own and, of an MSP, its clients', by name."""
    ids = [organization.pk]
    if organization.is_msp:
        ids += organizations.clients_of(actor, organization).values_list("pk", flat=True)
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
    able = {permission: _able(actor, chosen, permission) for permission in {PARTS[part].permission for part in parts}}
    sections = [_section(actor, client, parts, span, able) for client in chosen]
    begins, ends = (moment.astimezone(ZoneInfo(zone)) for moment in span)
    return {
        "of": {"id": organization.pk, "name": organization.name},
        "from": begins.isoformat(),
        "to": ends.isoformat(),
        "time_zone": zone,
        "made_at": timezone.now().isoformat(timespec="seconds"),
        # Only a number: names of clients that are not reached any more are not whoever reads this one's to know.
        "left_out": len(set(clients) - {each.pk for each in chosen}),
        # An MSP's own organization has a section where it runs tenants itself.
        "clients": [each for each in sections if each["tenants"] or each["id"] in clients or len(sections) == 1],
    }


def for_reader(actor: Actor, organization: Organization, made: Figures) -> Figures:
    """
    The same without clients that whoever reads does not see now, so that no report shows more than a page would.

    An API key that is limited to some tenants reads of nobody: the figures are of all of a client's.
    """
    seen = {each.pk for each in reached(actor, organization)} if actor.tenant_ids is None else set()
    return {**made, "clients": [each for each in made["clients"] if each["id"] in seen]}


def sees_all(actor: Actor, organization: Organization, made: Figures) -> bool:
    """Whether somebody sees every client that a report tells of."""
    return len(for_reader(actor, organization, made)["clients"]) == len(made["clients"])


def _able(actor: Actor, chosen: Iterable[Organization], permission: str) -> set[str]:
    allowed = organizations.visible_to(actor, permission).filter(pk__in=[each.pk for each in chosen])
    return set(allowed.values_list("pk", flat=True))


def _section(
    actor: Actor, client: Organization, parts: Sequence[str], span: Span, able: Mapping[str, set[str]]
) -> Figures:
    tenants = _tenants(actor, client, *span)
    wanted = [name for name in PARTS if name in parts]
    tables = [_table(name, tenants, span, client.pk in able[PARTS[name].permission]) for name in wanted]
    return {"id": client.pk, "name": client.name, "tenants": len(tenants), "tables": tables}


def _table(name: str, tenants: Sequence[Tenant], span: Span, allowed: bool) -> Figures:
    part = PARTS[name]
    return {
        "part": name,
        "title": part.title,
        "columns": list(part.columns),
        "rows": part.make(tenants, *span) if allowed and tenants else [],
        "note": part.note if allowed else "Whoever has this report made may not see these figures.",
    }


def _tenants(actor: Actor, client: Organization, begins: dt.datetime, ends: dt.datetime) -> list[Tenant]:
    """Those that were there in the time, deleted since or not."""
    there = Q(deleted_at__isnull=True) | Q(deleted_at__gte=begins)
    found = provisioning.visible_to(actor).filter(there, organization=client, created_at__lt=ends)
    return list(found.order_by("name", "id"))

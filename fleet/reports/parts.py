"""
What a report can tell of a client, as data: each part is a table made of rows that the portal has.

A cell that is None is not known, and is said so. Agents need what the inventory needs, alerts what the inbox needs; the
rest needs no more than seeing the tenants.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum

from fleet.alerts.models import Alert
from fleet.alerts.severity import Severity
from tenants.enrollment.models import Agent
from tenants.metering.models import UsageHour
from tenants.protection.backups.models import Backup
from tenants.provisioning.marks import TENANT
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.sighting import read_time
from tenants.provisioning.timeline import title_of
from tenants.status.models import TenantPeriod
from tenants.status.tenant_board import COUNTED, UP

Cell = str | int | float | dt.datetime | None
Rows = list[list[Cell]]
Tenants = Sequence[Tenant]
TOP = 10
"""Rules that are listed."""


@dataclass(frozen=True)
class Part:
    """One table: title, columns, how it is made of a client's tenants, and which permission that takes."""

    title: str
    columns: tuple[str, ...]
    make: Callable[[Tenants, dt.datetime, dt.datetime], Rows]
    note: str = ""
    permission: str = "tenant.view"


def _summary(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    return [[each.name, TENANT[each.status].word, str(each.spec["version"]), each.created_at] for each in tenants]


def _agents(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    counted = {name: Count("id", filter=state) for name, state in Agent.STATES.items()}
    joined = Count("id", filter=Q(enrolled_at__gte=begins, enrolled_at__lt=ends))
    found = _by_tenant(Agent.objects.filter(tenant__in=tenants), enrolled=Count("id"), joined=joined, **counted)
    names = ("enrolled", "joined", "active", "silent", "never", "quarantined")
    return [[each.name, *(found.get(each.pk, {}).get(name, 0) for name in names)] for each in tenants]


def _alerts(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    counted = {each.value: Count("id", filter=Q(severity=each)) for each in Severity}
    found = _by_tenant(_begun(tenants, begins, ends), closed=Count("id", filter=Q(state="closed")), **counted)
    names = (*counted, "closed")
    return [[each.name, *(found.get(each.pk, {}).get(name, 0) for name in names)] for each in tenants]


def _rules(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    of_rules = _begun(tenants, begins, ends).filter(kind=Alert.Kind.RULE).order_by()
    rows: Any = of_rules.values("rule_id").annotate(begun=Count("id"), told=Max("title"), level=Max("level"))
    top = sorted(rows, key=lambda row: (-row["begun"], row["rule_id"]))[:TOP]
    return [[row["rule_id"], row["told"], row["level"], row["begun"]] for row in top]


def _begun(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> QuerySet[Alert]:
    return Alert.objects.filter(tenant__in=tenants, first_at__gte=begins, first_at__lt=ends)


def _operations(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    asked = Operation.objects.filter(tenant__in=tenants, created_at__gte=begins, created_at__lt=ends).order_by()
    states = {name: Count("id", filter=Q(state=name)) for name in ("succeeded", "failed", "cancelled")}
    rows = asked.values("tenant", "kind").annotate(asked=Count("id"), **states)
    return [
        [name, title_of(row["kind"]), row["asked"], *(row[state] for state in states)]
        for name, row in _in_order(tenants, rows)
    ]


def _availability(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    periods = TenantPeriod.objects.filter(tenant__in=tenants, created_at__lt=ends).exclude(ended_at__lte=begins)
    held: dict[str, dict[str, float]] = {}
    for each in periods:
        seconds = (min(each.ended_at or ends, ends) - max(each.created_at, begins)).total_seconds()
        of_tenant = held.setdefault(each.tenant_id, {})
        of_tenant[each.state] = of_tenant.get(each.state, 0) + seconds
    whole = (ends - begins).total_seconds()
    return [[each.name, *_shares(held.get(each.pk, {}), whole)] for each in tenants]


def _shares(held: Mapping[str, float], whole: float) -> list[Cell]:
    """Percent up of what counts, hours degraded and down, hours stopped, percent of the time that is known."""
    states = TenantPeriod.State
    up, counts = (sum(held.get(state, 0) for state in among) for among in (UP, COUNTED))
    if not held:
        return [None, None, None, None, 0.0]
    hours = [round(held.get(state, 0) / 3600, 2) for state in (states.DEGRADED, states.DOWN, states.STOPPED)]
    return [round(100 * up / counts, 3) if counts else None, *hours, round(100 * sum(held.values()) / whole, 1)]


def _backups(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    kept = Backup.objects.filter(tenant__in=tenants, created_at__lt=ends)
    inside = Q(created_at__gte=begins)
    made, failed = Q(state=Backup.State.SUCCEEDED), Q(state=Backup.State.FAILED)
    found = _by_tenant(
        kept,
        made=Count("id", filter=inside & made),
        failed=Count("id", filter=inside & failed),
        newest=Max("created_at", filter=made),
    )
    rows = ((each.name, found.get(each.pk, {"made": 0, "failed": 0, "newest": None})) for each in tenants)
    return [[name, row["made"], row["failed"], row["newest"]] for name, row in rows]


def _certificates(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    told = ((each.name, (each.edge_view or {}).get("certificate") or {}) for each in tenants)
    return [[name, row.get("generation"), read_time(row.get("not_after"))] for name, row in told]


def _usage(tenants: Tenants, begins: dt.datetime, ends: dt.datetime) -> Rows:
    hours = UsageHour.objects.filter(tenant__in=tenants, hour__gte=begins, hour__lt=ends).order_by()
    rows = hours.values("tenant", "kind").annotate(added=Sum("quantity"), most=Max("quantity"))
    return [[name, _USED.get(row["kind"], row["kind"]), _amount(row)] for name, row in _in_order(tenants, rows)]


def _amount(row: Mapping[str, Any]) -> float:
    return float(row["most" if row["kind"] in UsageHour.PEAKS else "added"])


_USED = dict(UsageHour.Kind.choices)

PARTS: Mapping[str, Part] = {
    "summary": Part("Tenants", ("Tenant", "State now", "Version", "Since"), _summary),
    "agents": Part(
        "Agents",
        ("Tenant", "Enrolled now", "Joined in the time", "Active", "Silent", "Never connected", "Quarantined"),
        _agents,
        "States are those of the moment at which the report was made.",
        "agent.view",
    ),
    "alerts": Part(
        "Alerts",
        ("Tenant", *(each.label for each in Severity), "Closed of these"),
        _alerts,
        "Alerts of the inbox that began in the time; the same trouble of one agent is one, however often it was told.",
        "events.read",
    ),
    "rules": Part(
        "Rules that alerted most",
        ("Rule", "What it says", "Level", "Alerts begun"),
        _rules,
        f"Of all tenants together, the {TOP} with the most alerts that began in the time.",
        "events.read",
    ),
    "operations": Part(
        "Operations and changes", ("Tenant", "Operation", "Asked for", "Succeeded", "Failed", "Cancelled"), _operations
    ),
    "availability": Part(
        "Availability",
        ("Tenant", "Up, %", "Degraded, h", "Down, h", "Stopped, h", "Known, %"),
        _availability,
        "Sleep counts as up, stopped time does not count. Reckoned from the changes of state that the edge told; of the"
        " rest of the time nothing is known.",
    ),
    "backups": Part(
        "Backups",
        ("Tenant", "Kept of this time", "Failed", "Newest one"),
        _backups,
        "Backups of this time that have expired since are not counted.",
    ),
    "certificates": Part("Certificates", ("Tenant", "Generation", "Ends"), _certificates, "As the edge told it last."),
    "usage": Part(
        "Usage",
        ("Tenant", "What", "Amount"),
        _usage,
        "As the edge measured it, in whole hours. “Most” is the highest number at one time.",
    ),
}


def _by_tenant(rows: Any, **figures: Any) -> dict[str, dict[str, Any]]:
    return {row["tenant"]: row for row in rows.order_by().values("tenant").annotate(**figures)}


def _in_order(tenants: Tenants, rows: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a tenant and a kind with its name, as tenants are listed: of two by one name, one was deleted."""
    place = {each.pk: number for number, each in enumerate(tenants)}
    for row in sorted(rows, key=lambda row: (place[row["tenant"]], row["kind"])):
        yield tenants[place[row["tenant"]]].name, row

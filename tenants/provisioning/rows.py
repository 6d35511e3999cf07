"""Tenants ready to be read in a list: plain values, marks and what is under way."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from controlplane.marks import Mark
from tenants.provisioning import marks
from tenants.provisioning.lifecycle import CERTIFICATE_NOTICE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.sighting import read_time
from tenants.provisioning.statuses import GRAVITY
from tenants.provisioning.timeline import Timeline, tell


@dataclass(frozen=True)
class TenantRow:
    """One tenant of a list."""

    tenant: Tenant
    status: str
    mark: Mark
    enrolled: int
    active: int
    last_event_at: dt.datetime | None
    certificate_ends: dt.datetime | None
    certificate_mark: Mark | None
    timeline: Timeline | None


def row_of(tenant: Tenant, under_way: Timeline | None = None) -> TenantRow:
    """One row with what is under way, if anything is."""
    view: Mapping[str, Any] = tenant.edge_view or {}
    agents, stream = view.get("agents") or {}, view.get("stream") or {}
    ends = read_time((view.get("certificate") or {}).get("not_after"))
    return TenantRow(
        tenant=tenant,
        status=tenant.status,
        mark=marks.of_tenant(tenant),
        enrolled=agents.get("enrolled") or 0,
        active=agents.get("active") or 0,
        last_event_at=read_time(stream.get("last_event_at")),
        certificate_ends=ends,
        certificate_mark=marks.of_certificate(ends, timezone.now(), CERTIFICATE_NOTICE),
        timeline=under_way,
    )


def rows_of(tenants: Iterable[Tenant], operations: Iterable[Operation]) -> list[TenantRow]:
    """Rows of several tenants with what is under way in each."""
    under_way = {operation.tenant_id: tell(operation) for operation in operations}
    return [row_of(tenant, under_way.get(tenant.pk)) for tenant in tenants]


def summed_up(rows: Iterable[TenantRow]) -> Mark:
    """'1 failed, 3 need attention' in the tone of the worst; 'All running' where all is well."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.status] = counts.get(row.status, 0) + 1
    worst = [status for status in GRAVITY if counts.get(status)]
    if worst in ([], ["running"]):
        return marks.TENANT["running"].saying(word="All running")
    said = [f"{counts[status]} {state_words(status, counts[status])}" for status in worst if status != "running"]
    return marks.TENANT[worst[0]].saying(word=", ".join(said[:2]))


def state_words(status: str, count: int) -> str:
    """What a number of tenants in a state do, or are."""
    if status == "attention":
        return "needs attention" if count == 1 else "need attention"
    return marks.TENANT[status].word.lower()

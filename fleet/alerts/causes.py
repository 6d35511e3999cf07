"""What is wrong with a tenant beside what its alerts tell: as long as it is, an alert stands for it. Pure."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fleet.alerts.models import Alert
from fleet.alerts.severity import Severity
from tenants.enrollment.models import Agent
from tenants.provisioning import lifecycle
from tenants.provisioning.models import Operation, Tenant

NAMED = 3
DEGRADED, UNKNOWN = "degraded", "unknown"
RUNS = ("running", DEGRADED)
DISKS = {"DISK_FILLING": Severity.MEDIUM, "DISK_FULL": Severity.CRITICAL}
"""What a node's health says of its disk."""

Kind = Alert.Kind
JUDGED = {
    "MANAGER_SILENT": (Kind.TENANT_SILENT, Severity.HIGH),
    "CERTIFICATE_ENDS": (Kind.CERTIFICATE, Severity.MEDIUM),
}
"""Reasons of a tenant's attention that are causes; the edge judges silence by the tenant's own threshold."""


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong. `key` tells it from others of its kind."""

    kind: Alert.Kind
    key: str
    severity: Severity
    title: str
    agent_id: str = ""
    agent_name: str = ""


@dataclass(frozen=True)
class Silence:
    """Agents that were told to be silent: how many, and the first `NAMED` of them."""

    count: int
    first: Sequence[Agent]


def causes_of(tenant: Tenant, silence: Silence, newest: Operation | None, now: dt.datetime) -> list[Cause]:
    """All that is known to be wrong with a tenant now. Args: newest: the operation of it that was asked for last."""
    if _is_gone(tenant):
        return []
    found = [*_failed(newest)]
    if tenant.observed in RUNS and not lifecycle.is_sleeping(tenant):
        found += [*_silent(silence), *_judged(tenant, now), *_disks(tenant)]
    return found


def unknown_kinds(tenant: Tenant) -> frozenset[Alert.Kind]:
    """
    Kinds of which nobody can tell now whether theirs are over, so that what stands goes on.

    Whether the manager sends anything is judged at the edge, and there only while every node is up.
    """
    if _is_gone(tenant):
        return frozenset()
    if tenant.observed == UNKNOWN:
        return frozenset(Kind) - {Kind.PROVISIONING}
    return frozenset({Kind.TENANT_SILENT}) if tenant.observed == DEGRADED else frozenset()


def _is_gone(tenant: Tenant) -> bool:
    return tenant.is_leaving or tenant.deleted_at is not None


def _failed(newest: Operation | None) -> Iterator[Cause]:
    if newest is not None and newest.state == Operation.State.FAILED:
        why = str((newest.error or {}).get("message") or "").strip()
        title = f"{newest.kind.replace('_', ' ').capitalize()} failed. {why}".strip()
        yield Cause(Kind.PROVISIONING, newest.pk, Severity.HIGH, title)


def _silent(silence: Silence) -> Iterator[Cause]:
    """However many there are, they are one: a site that goes dark is one trouble."""
    count, first = silence.count, silence.first
    if not count:
        return
    names = ", ".join(agent.name for agent in first)
    more = f" and {count - NAMED} more" if count > NAMED else ""
    words = "agent is" if count == 1 else "agents are"
    only = {"agent_id": first[0].number, "agent_name": first[0].name} if count == 1 else {}
    yield Cause(Kind.AGENT_SILENT, "", Severity.MEDIUM, f"{count} {words} silent: {names}{more}", **only)


def _judged(tenant: Tenant, now: dt.datetime) -> Iterator[Cause]:
    agents = ((tenant.edge_view or {}).get("agents") or {}).get("enrolled") or 0
    for reason in lifecycle.attention(tenant, now):
        if reason["code"] not in JUDGED:
            continue
        kind, severity = JUDGED[reason["code"]]
        if kind != Kind.TENANT_SILENT or agents:
            yield Cause(kind, "", severity, reason["message"])


def _disks(tenant: Tenant) -> Iterator[Cause]:
    for node in (tenant.edge_view or {}).get("nodes") or []:
        detail = (node.get("health") or {}).get("detail") or {}
        severity = DISKS.get(str(detail.get("code")))
        if severity is not None:
            name = f"{node['role']}-{node['n']}"
            yield Cause(Kind.DISK, name, severity, f"{name}: {detail.get('message') or 'its disk fills up.'}")

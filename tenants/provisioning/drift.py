"""What a tenant is asked to be beside what the edge says that it is: pure, and the same on its page and by API."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenants.provisioning import lifecycle
from tenants.provisioning.backup_schedules import words
from tenants.provisioning.models import Tenant
from tenants.provisioning.sighting import read_time

IN_STEP, UNDER_WAY, DRIFTS, UNKNOWN = "in_step", "under_way", "drifts", "unknown"
VERDICTS = (IN_STEP, UNDER_WAY, DRIFTS, UNKNOWN)


@dataclass(frozen=True)
class Fact:
    """One thing that was asked for. `desired` and `actual` are words; equal ones are in step."""

    name: str
    desired: str
    actual: str

    @property
    def in_step(self) -> bool:
        """Whether it is as it was asked for."""
        return self.desired == self.actual


@dataclass(frozen=True)
class Comparison:
    """
    All facts of a tenant, and what they come to.

    `verdict`: in_step; under_way, where what differs is being brought about; drifts, where nothing is under way; or
    unknown, where the edge has told nothing. `as_of` is when the edge told it.
    """

    verdict: str
    as_of: dt.datetime | None
    facts: tuple[Fact, ...]


def compare(tenant: Tenant, aim: str) -> Comparison:
    """Compare what is asked of a tenant with what the edge told last. Args: aim: see `lifecycle.wanted`."""
    view: Mapping[str, Any] = tenant.edge_view or {}
    facts = tuple(_facts(tenant, aim, view)) if view else ()
    return Comparison(_verdict(tenant, facts), read_time(view.get("updated_at")), facts)


def _verdict(tenant: Tenant, facts: tuple[Fact, ...]) -> str:
    if not facts or tenant.observed == "unknown":
        return UNKNOWN
    if all(fact.in_step for fact in facts):
        return IN_STEP
    run = (tenant.edge_view or {}).get("run") or {}
    busy = tenant.next_attempt_at is not None or run.get("state") == "running"
    return UNDER_WAY if busy and tenant.halted_at is None else DRIFTS


def _facts(tenant: Tenant, aim: str, view: Mapping[str, Any]) -> Iterator[Fact]:
    if "backup_schedule" in view and aim != lifecycle.DELETED:  # an edge from before that tells nothing of it
        yield Fact("backups", words(tenant.backup_schedule), words(view["backup_schedule"]))
    rests = aim == lifecycle.STOPPED or lifecycle.is_sleeping(tenant)
    yield Fact("state", "absent" if aim == lifecycle.DELETED else "stopped" if rests else "running", tenant.observed)
    yield Fact("generation", str(tenant.generation), str(tenant.observed_generation))
    if tenant.observed not in ("running", "degraded"):
        return  # what rests runs no version and has no nodes
    yield Fact("version", str(tenant.spec["version"]), str(view.get("version") or "none"))
    if isinstance(content := view.get("content"), Mapping):
        yield Fact("content", _short(tenant.spec.get("content")), _short(content.get("applied")))
    for role, size in tenant.spec.get("roles", {}).items():
        wanted = f"{size.get('count', 1)} × {size.get('instance', '')}"
        yield Fact(role, wanted, _nodes(role, view))


def _short(digest: object) -> str:
    return str(digest)[:12] if digest else "none"


def _nodes(role: str, view: Mapping[str, Any]) -> str:
    """The nodes of a role that run, by size."""
    running = [node for node in view.get("nodes") or [] if node["role"] == role and node["state"] == "running"]
    sizes = {str(node.get("instance") or "") for node in running}
    return " + ".join(f"{sum(n.get('instance') == size for n in running)} × {size}" for size in sorted(sizes)) or "none"

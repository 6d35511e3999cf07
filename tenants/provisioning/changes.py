"""What the feed of changes brings, read from the edge's JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tenants.provisioning.edge_errors import EdgeAmbiguous


@dataclass(frozen=True)
class Change:
    """One entry of the feed: `seq` orders the feed, `kind` says how to read `data`."""

    seq: int
    tenant_id: str
    kind: str
    at: str
    data: Mapping[str, Any]


def read_changes(answer: Mapping[str, Any]) -> tuple[str, int, int, list[Change]]:
    """The feed's epoch, its oldest and its latest number, and the changes in order. Raises EdgeAmbiguous."""
    try:
        told = [
            Change(int(item["seq"]), str(item["tenant"]), str(item["kind"]), str(item["at"]), item["data"])
            for item in answer["changes"]
        ]
        changes = sorted(told, key=lambda change: change.seq)
        latest = int(answer["latest_seq"])
        return str(answer["feed_epoch"]), int(answer["oldest_seq"] or latest + 1), latest, changes
    except (KeyError, TypeError, ValueError) as error:
        raise EdgeAmbiguous(f"The edge sent changes of an unreadable shape: {error!r}.") from error


def read_page(answer: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], str | None, tuple[str, int]]:
    """The views of one page of tenants, after whom the next begins, and where the feed stands. Raises EdgeAmbiguous."""
    try:
        views: list[Mapping[str, Any]] = [dict(view) for view in answer["tenants"]]
        return views, answer["next"], (str(answer["feed_epoch"]), int(answer["latest_seq"]))
    except (KeyError, TypeError, ValueError) as error:
        raise EdgeAmbiguous(f"The edge listed its tenants in an unreadable shape: {error!r}.") from error


def by_tenant(changes: Iterable[Change]) -> dict[str, list[Change]]:
    """The changes of each tenant in order, without views that a later one of the same run makes superfluous."""
    grouped: dict[str, list[Change]] = {}
    for change in changes:
        of_tenant = grouped.setdefault(change.tenant_id, [])
        if of_tenant and _supersedes(change, of_tenant[-1]):
            of_tenant.pop()
        of_tenant.append(change)
    return grouped


def _supersedes(later: Change, earlier: Change) -> bool:
    return later.kind == earlier.kind == "tenant" and _run_of(later) == _run_of(earlier)


def _run_of(change: Change) -> str | None:
    run = change.data.get("run") if isinstance(change.data, Mapping) else None
    return run.get("operation_id") if isinstance(run, Mapping) else None

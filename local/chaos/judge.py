"""Counts, once the kills are over, what did not come out as asked."""

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

from local.chaos.followers import Followers
from local.chaos.load import Load
from local.chaos.streams import look_through
from local.chaos.witness import Witness
from local.portal_api import Json
from local.stack import nodes
from local.stack.handle import NotInTime, StackHandle, wait_for

TOLD = 20  # of a kind
CONVERGENCE_SECONDS = 420.0  # the edge tries a node that it gave up every five minutes


@dataclass(frozen=True)
class Verdict:
    """What did not come out as asked.

    `lost`: acknowledged operations or tenants that are gone, or whose effect is not there, and what witnesses miss.
    `duplicated`: second effects of one request, second nodes of one place, and nodes that no plan has. `stuck`: tenants
    that rest in no wanted state within the deadline. `events_lost`: numbers that a stream lacks, or that a follower was
    never given, acknowledged alerts and enrollments that are no event, audit trails that break. `events_reordered`:
    numbers that came a second time or too late, or that were given live as something else than is read later. Beside
    them: how many operations, alerts, enrollments, backups and events that was found out of.
    """

    operations: int
    alerts: int
    enrollments: int
    backups: int
    events: int
    lost: int
    duplicated: int
    stuck: int
    events_lost: int
    events_reordered: int

    @property
    def faults(self) -> int:
        return self.lost + self.duplicated + self.stuck + self.events_lost + self.events_reordered


def judge(stack: StackHandle, load: Load, witnesses: list[Witness], followers: Followers, backups: int) -> Verdict:
    """Waits until everything rests, then counts."""
    stuck = _stuck_after_settling(load)
    operations = {row["id"]: row for row in load.api.all("/operations")}
    tenants = {row["id"]: row for row in load.api.all("/tenants")}
    lost = sum(1 for known in load.acknowledged if known not in operations) + sum(
        1 for known in load.tenants if known not in tenants
    )
    lost += sum(_lost_to(witness) for witness in witnesses)
    # The stack may have tenants of others as well.
    places = Counter((node.tenant, node.name) for node in nodes.running(stack) if node.tenant in load.tenants)
    lost += sum(1 for row in tenants.values() if not places.keys() >= set(_places_of(row))) if not stuck else 0
    planned = Counter(place for row in tenants.values() for place in _places_of(row))
    streams = look_through(stack, load.api, followers, witnesses)
    seconds = {
        "nodes": [place for place in (places - planned).elements() if place[1] != "certs-0"],
        "tenants": [known for known in tenants if known not in load.tenants],
        "answers": load.second_answers,
        "operations": _second_operations(operations, load),
        "events": streams.duplicated,
    }
    duplicated = sum(_counted(f"{what}, a second time", found) for what, found in seconds.items())
    alerts = sum(len(witness.alerts) for witness in witnesses)
    enrollments = sum(len(witness.enrolled) for witness in witnesses)
    return Verdict(
        operations=len(operations),
        alerts=alerts,
        enrollments=enrollments,
        backups=backups,
        events=streams.events,
        lost=lost,
        duplicated=duplicated,
        stuck=stuck,
        events_lost=_counted("events, lost", streams.lost),
        events_reordered=_counted("events, reordered", streams.reordered),
    )


def _places_of(row: Json) -> list[tuple[str, str]]:
    roles = row["plan"]["roles"].items()
    return [(row["id"], f"{role}-{n}") for role, size in roles for n in range(size["count"])]


def _lost_to(witness: Witness) -> int:
    """Says what it was, for whoever reads the verdict."""
    missing = witness.missing()
    if missing.total:
        print(f"tenant {witness.tenant} lacks {missing}", file=sys.stderr, flush=True)
    return missing.total


def _stuck_after_settling(load: Load) -> int:
    try:
        wait_for(lambda: _all_run(load), "every tenant running", CONVERGENCE_SECONDS, every=1)
    except NotInTime:
        return len([_told(row) for row in load.api.all("/tenants") if not _runs(row)]) or 1
    return 0


def _told(row: Json) -> Json:
    """Says where a tenant got stuck, for whoever reads the verdict."""
    states = {f"{node['role']}-{node['n']}": node["state"] for node in row["nodes"]}
    said = f"{row['status']}, asked for {row['requested']}, {row['reason'] or row['attention']}, {states}"
    print(f"tenant {row['id']} is stuck: {said}", file=sys.stderr, flush=True)
    return row


def _all_run(load: Load) -> bool:
    if load.open_operations():
        return False
    load.settle()
    rows = load.api.all("/tenants")
    return all(map(_runs, rows)) and not load.open_operations()


def _runs(row: Json) -> bool:
    """Machines that enrolled and never reported are no fault of the tenant's."""
    return row["status"] == "running" or {reason["code"] for reason in row["attention"]} == {"AGENTS_SILENT"}


def _second_operations(operations: dict[str, Json], load: Load) -> list[Json]:
    """Operations that nobody was told of: the answer to their request named another, or they came from nowhere."""
    asked = [row for row in operations.values() if row.get("source", "user") == "user"]
    return [row for row in asked if row["id"] not in load.acknowledged]


def _counted(what: str, found: list[Any]) -> int:
    """Says the first of them, for whoever reads the verdict."""
    for one in found[:TOLD]:
        print(f"{what}: {one}", file=sys.stderr, flush=True)
    return len(found)

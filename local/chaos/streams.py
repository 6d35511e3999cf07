"""What became of the event streams: each read once more from its beginning, and held against what was seen of it."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from local.chaos.followers import Followers
from local.chaos.witness import Witness
from local.portal_api import Json, PortalApi
from local.stack.handle import NotInTime, StackHandle, wait_for
from local.stream import replay

TRAIL_SECONDS = 60.0  # records may still be on their way from the tenant object


@dataclass
class Findings:
    """What does not fit in one stream or several, in words; `events` is how many there are."""

    events: int = 0
    lost: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        self.events += other.events
        for kind in ("lost", "reordered", "duplicated"):
            getattr(self, kind).extend(getattr(other, kind))


def look_through(stack: StackHandle, api: PortalApi, followers: Followers, witnesses: Iterable[Witness]) -> Findings:
    """Reads every followed stream from its beginning and compares; call it once everything rests."""
    found = Findings()
    acknowledged = {witness.tenant: witness for witness in witnesses}
    tenants = sorted({follower.tenant for follower in followers.all})
    for tenant in tenants:
        events = replay(api, tenant)
        found.add(as_a_log(tenant, events))
        followers.catch_up(tenant, len(events))
        for follower in followers.of(tenant):
            found.add(as_followed(f"{tenant} by {follower.door}", events, follower.given))
        if witness := acknowledged.get(tenant):
            agents = [identity.agent_id for identity in witness.enrolled]
            found.add(as_acknowledged(tenant, events, alerts=witness.alerts, agents=agents))
    found.lost += _trails_that_break(stack, tenants)
    return found


def as_a_log(name: str, events: list[Json]) -> Findings:
    """A log is numbered from 1 without a gap, and its times never go back."""
    numbers = [event["seq"] for event in events]
    missing = set(range(1, max(numbers, default=0) + 1)) - set(numbers)
    times = [event["at"] for event in events]
    return Findings(
        events=len(set(numbers)),
        lost=[f"{name}: {number} is missing" for number in sorted(missing)],
        reordered=[*_steps_back(name, numbers), *_steps_back(name, times, again=True)],
    )


def as_followed(name: str, replayed: list[Json], given: list[Json]) -> Findings:
    """A follower is given each number once, in order, as it is read later; numbers after the replay are not judged."""
    kept = {event["seq"]: event for event in replayed}
    seen = [event for event in given if event["seq"] <= max(kept, default=0)]
    numbers = [event["seq"] for event in seen]
    unseen = kept.keys() - set(numbers)
    gone = set(numbers) - kept.keys()
    changed = [event["seq"] for event in seen if event != kept.get(event["seq"], event)]
    return Findings(
        lost=[f"{name}: {number} was not given" for number in sorted(unseen)]
        + [f"{name}: {number} was given and is gone" for number in sorted(gone)],
        reordered=[*_steps_back(name, numbers), *(f"{name}: {number} has become another" for number in changed)],
    )


def as_acknowledged(name: str, events: list[Json], *, alerts: Collection[str], agents: Collection[str]) -> Findings:
    """Every alert whose document an indexer has shown, and every enrollment that was answered, is one event."""
    digests = Counter(_document_of(name, event["data"]) for event in events if event["kind"] == "alert")
    enrollments = Counter(_agent_of(event) for event in events if event["kind"] == "enrollment")
    twice = [f"the digest of {id}" for id, count in digests.items() if count > 1] + [
        f"the enrollment of {id}" for id, count in enrollments.items() if id and count > 1
    ]
    return Findings(
        lost=[f"{name}: no digest of {id}" for id in sorted(set(alerts) - digests.keys())]
        + [f"{name}: no enrollment of {id}" for id in sorted(set(agents) - enrollments.keys())],
        duplicated=[f"{name}: {what}" for what in twice],
    )


def _document_of(tenant: str, digest: Json) -> str:
    """The id under which the edge has an alert's document: `documentId` in worker/src/gates/bulk.ts."""
    return hashlib.sha256(f"{tenant}|{digest['manager']}|{digest['id']}".encode()).hexdigest()


def _agent_of(event: Json) -> str:
    return str(event["data"]["agent"]["id"]) if event["data"]["outcome"] == "enrolled" else ""


def _steps_back[Place: (int, str)](name: str, places: list[Place], *, again: bool = False) -> list[str]:
    """Where one is not after the one before; `again`: the same once more is none."""
    backwards = ((one, after) for one, after in pairwise(places) if after < one or (after == one and not again))
    return [f"{name}: {after} comes after {one}" for one, after in backwards]


def _trails_that_break(stack: StackHandle, tenants: list[str]) -> list[str]:
    said = ""

    def holds() -> bool:
        nonlocal said
        try:
            stack.manage("verify_edge_audit", "--tenant", *tenants)
        except RuntimeError as problem:
            said = str(problem)
            return False
        return True

    try:
        wait_for(holds, "the audit trails", TRAIL_SECONDS, every=1)
    except NotInTime:
        return [line for line in said.splitlines() if " at position " in line] or [said]
    return []

"""
The newest events of some kinds, found from the log's end backwards, though the edge reads it forwards.

The edge leaves other kinds out before it sends anything, so that a page of audit records costs no thousand alerts.
Where the kinds are rare the stretch that is looked through grows; what a page can not reach, the next one looks for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenants.access.queries import EventLog

STRETCH, GROWTH, LARGEST = 200, 8, 1000
MOST_READS = 16
"""The edge looks through 8 MiB of the log for one read, which takes it some ten milliseconds."""


@dataclass(frozen=True)
class Found:
    """
    Events, the newest first.

    Everything of the kinds that is numbered above `start` and below where it began was looked at. `oldest` and `latest`
    are the first and the last number that the log holds.
    """

    events: list[dict[str, Any]]
    start: int
    oldest: int
    latest: int


@dataclass
class Search:
    """A search for `enough` events of `kinds`, narrowed. Raises EdgeNotAvailable while the edge does not answer."""

    log: EventLog
    kinds: Collection[str]
    enough: int
    narrow: Mapping[str, Any] = field(default_factory=dict)
    reads: int = 0
    bounds: dict[str, int] = field(default_factory=lambda: {"oldest": 1, "latest": 0})

    def before(self, number: int) -> Found:
        """What has a lower number."""
        return self._back_from(number - 1, STRETCH)

    def newest(self, known: int) -> Found:
        """What is newest; `known` is a number that the log has reached, maybe long ago."""
        # The position known here moves with the tenant's state, not with each event: it may lie behind, even far.
        found = self._back_from(known + STRETCH, 2 * STRETCH)
        return found if found.latest <= known + STRETCH else self._back_from(found.latest, STRETCH)

    def _back_from(self, end: int, size: int) -> Found:
        events: list[dict[str, Any]] = []
        start = end
        while True:
            reached = max(start - size, self.bounds["oldest"] - 1, 0)
            # The first stretch is small, and read to its end whatever it takes: each page has to get on.
            older = self._between(reached, start, min(size, LARGEST), MOST_READS if start < end else size)
            if older is None:
                break
            events, start, size = older + events, reached, size * GROWTH
            if len(events) >= self.enough or start <= self.bounds["oldest"] - 1 or start == 0:
                break
        return Found(events[::-1], start, **self.bounds)

    def _between(self, start: int, end: int, limit: int, most: int) -> list[dict[str, Any]] | None:
        """The events above `start` and up to `end`, oldest first; None once there were `most` reads in all."""
        events: list[dict[str, Any]] = []
        while self.reads < most:
            self.reads += 1
            answer = self.log.read(after=start, limit=limit, kinds=self.kinds, **self.narrow)
            self.bounds = {"oldest": answer["oldest"], "latest": answer["latest"]}
            events += [event for event in answer["events"] if event["seq"] <= end]
            start = answer["next"]
            if start >= end or not answer["more"]:
                return events
        return None

"""
Proving audit chains: where one was changed, lacks something, holds more than was written, or was cut off.

A link is one entry as the database or an exported file holds it. With the key each link proves itself; without it only
that links follow one another.
"""

import hashlib
import hmac
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Max, QuerySet

from controlplane.environment import environment
from controlplane.models import AuditEntry, AuditHead
from controlplane.rls import acting_as, actor_of

MOST = 20
"""Breaks of one chain that are told: what was renumbered breaks everywhere after."""

Place = tuple[int, str]
"""Position and hash of an entry; (0, "") before the first."""


@dataclass(frozen=True)
class Link:
    """One entry in its place. `holds`: whether its hash is that of its content; None where the key is missing."""

    position: int
    previous: str
    mac: str
    holds: bool | None


@dataclass(frozen=True)
class Break:
    """
    Where a chain does not hold. `position` is the first entry in doubt, `last` the last one of several; `kind` is for
    programs.
    """

    organization_id: str
    position: int
    kind: str
    reason: str
    last: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the command's and the file's reports."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """What a walk over a whole chain found: how many entries it has, where it ends, and its breaks."""

    organization_id: str
    entries: int
    end: Place
    breaks: tuple[Break, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.breaks

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        end = {"position": self.end[0], "hash": self.end[1]}
        breaks = [found.as_json() for found in self.breaks]
        return {"organization": self.organization_id, "entries": self.entries, "end": end, "breaks": breaks}


@dataclass
class Progress:
    """How far a walk has come; a later walk goes on from there."""

    end: Place = (0, "")
    entries: int = 0


def walk(chain: str, links: Iterable[Link], progress: Progress) -> Iterator[Break]:
    """The breaks of links in their order, from where `progress` stands, which held."""
    in_doubt = False
    for link, following in _pairs(links):
        position, previous = progress.end
        if link.position > position + 1:
            yield _missing(chain, position + 1, link.position - 1)
            in_doubt = True
        if link.position <= position:
            yield Break(chain, link.position, *_INSERTED)
        elif link.holds is False:
            inserted = following is not None and following.previous == link.previous
            yield Break(chain, link.position, *(_INSERTED if inserted else _CHANGED))
            in_doubt = True
        elif link.previous != previous and not in_doubt:
            yield Break(chain, link.position, "forked", "an entry does not follow from the one before it")
        else:
            in_doubt = False
        progress.end = (max(position, link.position), link.mac)
        progress.entries += 1


@dataclass(frozen=True)
class Ends:
    """Where a chain ends: by its last entry, and by the end that is kept beside the entries (None where it is gone)."""

    last: int
    kept: Place | None

    @property
    def walked(self) -> int:
        """How far a walk goes: what comes after the kept end may have been written since."""
        return self.last if self.kept is None else self.kept[0]

    def break_at(self, chain: str, end: Place) -> Break | None:
        """What is wrong with the chain's end. Args: end: where the walk came to."""
        if self.kept is None:
            words = "the kept end is missing, so entries may be"
            return Break(chain, end[0] + 1, "end_lost", words) if self.last else None
        if self.kept[0] > end[0]:
            return Break(chain, end[0] + 1, "truncated", "entries are missing at the end")
        if self.last > self.kept[0]:
            return Break(chain, self.kept[0] + 1, "beyond_end", "entries stand behind the kept end", self.last)
        forked = self.kept[1] != end[1]
        return Break(chain, end[0], "forked", "the last entry is another than the kept end") if forked else None


def ends_of(organization_id: str) -> Ends:
    """Reads the ends in an order in which a chain that grows meanwhile shows none of them too early."""
    last = AuditEntry.objects.filter(organization_id=organization_id).aggregate(Max("position"))["position__max"]
    head = AuditHead.objects.filter(pk=organization_id).first()
    return Ends(last or 0, (head.position, head.mac) if head else None)


def entries_between(organization_id: str, after: int, until: int) -> QuerySet[AuditEntry]:
    """A stretch of the chain, oldest first."""
    rows = AuditEntry.objects.filter(organization_id=organization_id, position__gt=after, position__lte=until)
    return rows.order_by("position")


def verify(organization_id: str) -> Report:
    """Walks one chain from its beginning to its end, as its organization."""
    progress = Progress()
    with acting_as(actor_of(organization_id)):
        ends = ends_of(organization_id)
        links = map(link_of, entries_between(organization_id, 0, ends.walked).iterator(chunk_size=1000))
        found = list(itertools.islice(walk(organization_id, links, progress), MOST))
    # After so many breaks the walk has stopped, and where it stopped is no end.
    at_end = ends.break_at(organization_id, progress.end) if len(found) < MOST else None
    return Report(organization_id, progress.entries, progress.end, (*found, *([at_end] if at_end else [])))


def link_of(entry: AuditEntry) -> Link:
    """An entry of the database in its place."""
    return Link(entry.position, entry.previous, entry.mac, hmac.compare_digest(mac_of(entry), entry.mac))


def mac_of(entry: AuditEntry) -> str:
    """Returns the keyed hash of an entry and, through ``previous``, of everything before it."""
    return mac_of_content(
        [
            entry.organization_id,
            entry.position,
            entry.created_at.isoformat(),
            entry.action,
            entry.refused,
            entry.target,
            entry.actor,
            entry.data,
            entry.previous,
        ]
    )


def mac_of_content(content: list[Any]) -> str:
    """Returns the keyed hash of plain JSON values; the key is known to the portal and not to its database."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_refuse)
    return hmac.new(bytes.fromhex(environment().audit_key), text.encode(), hashlib.sha256).hexdigest()


_CHANGED = ("changed", "an entry was changed")
_INSERTED = ("inserted", "an entry was inserted")


def _missing(chain: str, first: int, last: int) -> Break:
    words = "an entry is missing" if first == last else f"entries {first} to {last} are missing"
    return Break(chain, first, "missing", words, last)


def _pairs(links: Iterable[Link]) -> Iterator[tuple[Link, Link | None]]:
    """Each link with the one after it."""
    ahead, behind = itertools.tee(links)
    next(ahead, None)
    return itertools.zip_longest(behind, ahead)


def _refuse(value: Any) -> Any:
    raise TypeError(f"Audit data holds a {type(value).__name__}; only plain JSON values come back unchanged.")

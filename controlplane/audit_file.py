"""
Proving an exported file of an audit trail, away from the database.

Each line is an entry with its hash; the last line says what the file holds: which search it answers, how many entries
it has, a digest of their hashes, and whether there is more. With the key all of it is proven. Without it only that
entries that stand side by side in the chain follow one another, and that the last line fits the others.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from controlplane.audit_chain import MOST, Break, Link, Progress, mac_of_content, walk

SUMMARY = "export"
HASHED = ("organization", "position", "created_at", "action", "refused", "target", "actor", "data", "previous")
"""What an entry's hash covers, in its order."""
UNPROVEN = (
    "That no entry was changed: their hashes are made with a key, which is missing here.",
    "That the last line was written by the portal.",
)


@dataclass
class FileReport:
    """What a file holds: entries, stretches of the chain that it leaves out, what is wrong, what can't be proven."""

    organization_id: str = ""
    entries: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    complete: bool = False
    unproven: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {**vars(self), "breaks": [found.as_json() for found in self.breaks], "holds": not self.breaks}


def line_of(entry: Any) -> dict[str, Any]:
    """An entry of the database as a file holds it. The time is written as its hash takes it."""
    return {
        "id": entry.id,
        **{"organization": entry.organization_id, "position": entry.position},
        **{"created_at": entry.created_at.isoformat(), "action": entry.action, "refused": entry.refused},
        **{"target": entry.target, "actor": entry.actor, "data": entry.data},
        **{"previous": entry.previous, "hash": entry.mac},
    }


@dataclass
class Summary:
    """The last line of a file, put together while it is written or read."""

    organization_id: str
    search: Mapping[str, str]
    after: int = 0
    entries: int = 0
    last: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, position: int, mac: str) -> None:
        """Takes one more entry into it."""
        self.entries += 1
        self.last = position
        self.digest.update(mac.encode())

    def line(self, *, complete: bool) -> dict[str, Any]:
        """The line. Args: complete: nothing that the search stands for comes after the last entry."""
        said = {
            **{"organization": self.organization_id, "search": dict(self.search), "after": self.after},
            **{
                "entries": self.entries,
                "last": self.last,
                "complete": complete,
                "next": None if complete else self.last,
            },
            "digest": self.digest.hexdigest(),
        }
        return {SUMMARY: {**said, "hash": mac_of_content([SUMMARY, said])}}


def verify_lines(lines: Iterable[str], *, with_key: bool) -> FileReport:
    """Proves a file, in bounded memory. Raises ValueError for a line that is none of ours."""
    file = _File(lines, with_key=with_key)
    report = FileReport(unproven=() if with_key else UNPROVEN)
    for found in walk("", file.links(), Progress()):
        if found.kind == "missing":
            report.gaps.append((found.position, found.last))
        elif len(report.breaks) < MOST:
            report.breaks.append(replace(found, organization_id=file.organization_id))
    report.organization_id, report.entries = file.organization_id, file.summary.entries
    report.complete = bool(file.told.get("complete"))
    report.breaks += file.faults(report.gaps)
    return report


class _File:
    """A file while it is read."""

    def __init__(self, lines: Iterable[str], *, with_key: bool) -> None:
        self.lines, self.with_key = lines, with_key
        self.organization_id = ""
        self.summary = Summary("", {})
        self.told: dict[str, Any] = {}
        self.strangers = 0

    def links(self) -> Iterator[Link]:
        """Its entries in their places; takes the last line out."""
        for number, line in enumerate(self.lines, 1):
            read = _read(line, number)
            if SUMMARY in read:
                self.told = read[SUMMARY]
                continue
            self.organization_id = self.organization_id or read["organization"]
            link = _link(read, with_key=self.with_key)
            self.strangers += read["organization"] != self.organization_id or bool(self.told)
            self.summary.add(link.position, link.mac)
            yield link

    def faults(self, gaps: Sequence[tuple[int, int]]) -> Iterator[Break]:
        """What is wrong with the file as a whole."""
        chain, after = self.organization_id, self.summary.last + 1
        if self.strangers:
            yield Break(chain, after, "inserted", "entries of another trail, or behind the last line, were put in")
        if not self.told:
            yield Break(chain, after, "truncated", "the file has lost its last line, so it was cut off")
            return
        said = {name: value for name, value in self.told.items() if name != "hash"}
        if self.with_key and not hmac.compare_digest(mac_of_content([SUMMARY, said]), str(self.told.get("hash"))):
            yield Break(chain, after, "changed", "the last line was changed")
        if (said.get("entries"), said.get("digest")) != (self.summary.entries, self.summary.digest.hexdigest()):
            yield Break(chain, after, "missing", "entries were taken out of the file, put in or moved")
        if not said.get("search"):
            # Nothing was searched for, so nothing between the first and the last entry may be left out.
            began = int(said.get("after") or 0)
            yield from (
                Break(chain, first, "missing", f"entries {first} to {last} are missing", last)
                for first, last in ((max(first, began + 1), last) for first, last in gaps)
                if first <= last
            )


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except ValueError as error:
        raise ValueError(f"Line {number} is no JSON.") from error
    is_entry = isinstance(read, dict) and {*HASHED, "hash"} <= set(read) and isinstance(read["position"], int)
    if not is_entry and not (isinstance(read, dict) and isinstance(read.get(SUMMARY), dict)):
        raise ValueError(f"Line {number} is no entry of an exported trail.")
    return read


def _link(entry: Mapping[str, Any], *, with_key: bool) -> Link:
    mac = str(entry["hash"])
    holds = hmac.compare_digest(mac_of_content([entry[name] for name in HASHED]), mac) if with_key else None
    return Link(entry["position"], entry["previous"], mac, holds)

"""
A trail as a file, line by line, in memory that does not grow with it.

A file holds at most so many entries, and takes at most so long: a longer trail goes on in the next one, from the entry
at which this one says that it ends. Every file says in its last line whether it is complete, so none is cut off unseen.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from controlplane import rls
from controlplane.actor import Actor
from controlplane.audit_file import Summary, line_of
from controlplane.csv_rows import csv_row
from controlplane.models import AuditEntry
from controlplane.transactions import let_go
from organizations.standings import may
from organizations.trail.people import Names, names_in
from organizations.trail.search import SearchForm, found
from organizations.trail.words import action_words

A_PIECE = 500
MOST_ENTRIES = 100_000
LONGEST_SECONDS = 300

COLUMNS = (
    *("position", "created_at", "action", "words", "refused", "target", "kind", "person", "name", "email"),
    *("key", "grant", "msp", "address", "request", "reason", "data", "id", "previous", "hash"),
)


@dataclass(frozen=True)
class Asked:
    """One export: who asks, whose trail, the valid search, after which entry, and up to which one."""

    actor: Actor
    organization_id: str
    form: SearchForm
    after: int
    until: int


@dataclass(frozen=True)
class Format:
    """A kind of file: its lines from entries and from its end."""

    content_type: str
    head: Callable[[], str]
    lines: Callable[[str, list[AuditEntry]], str]
    end: Callable[[dict[str, Any]], str]


def written(asked: Asked, form: Format) -> Iterator[str]:
    """The file's text, a piece at a time."""
    summary = Summary(asked.organization_id, asked.form.given, asked.after)
    summary.last = asked.after
    stops = time.monotonic() + LONGEST_SECONDS
    yield form.head()
    complete = False
    while not complete and summary.entries < MOST_ENTRIES and time.monotonic() < stops:
        text, complete = _piece(asked, form, summary)
        if text is None:
            break
        yield text
        # Whoever reads slowly must not hold one of the few connections meanwhile.
        let_go()
    yield form.end(summary.line(complete=complete))


def _piece(asked: Asked, form: Format, summary: Summary) -> tuple[str | None, bool]:
    """The next entries as text, and whether they are the last; None once the asker may no more."""
    with rls.reading_as(asked.actor.rls_actor):
        if not may(asked.actor, "audit.view", asked.organization_id):
            return None, False
        rows = found(asked.organization_id, asked.form).filter(position__gt=summary.last, position__lte=asked.until)
        entries = list(rows.order_by("position")[: A_PIECE + 1])
        shown = entries[:A_PIECE]
        text = form.lines(asked.organization_id, shown)
    for entry in shown:
        summary.add(entry.position, entry.mac)
    return text, len(entries) <= A_PIECE


def _json_lines(organization_id: str, entries: list[AuditEntry]) -> str:
    return "".join(_line(line_of(entry)) for entry in entries)


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _csv(organization_id: str, entries: list[AuditEntry]) -> str:
    names = names_in(organization_id, entries)
    return "".join(csv_row(_cells(entry, names)) for entry in entries)


def _cells(entry: AuditEntry, names: Names) -> list[Any]:
    actor = entry.actor
    name, email = names.people.get(actor.get("user", ""), ("", ""))
    return [
        *(entry.position, entry.created_at.isoformat(), entry.action),
        *(action_words(entry.action, refused=entry.refused), "yes" if entry.refused else "no", entry.target),
        *(actor.get("kind", ""), actor.get("user", ""), name, email, actor.get("key", ""), actor.get("grant", "")),
        names.msps.get(actor.get("grant", ""), ("", ""))[1],
        *(actor.get(part, "") for part in ("address", "request", "reason")),
        json.dumps(entry.data, ensure_ascii=False, sort_keys=True),
        *(entry.id, entry.previous, entry.mac),
    ]


def _end_of_csv(summary: dict[str, Any]) -> str:
    told = summary["export"]
    if told["complete"]:
        return csv_row([f"End: {told['entries']} entries, complete"])
    return csv_row([f"Not complete: goes on after entry {told['next']}; export again from there"])


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", lambda: csv_row(list(COLUMNS)), _csv, _end_of_csv),
    "jsonl": Format("application/x-ndjson", str, _json_lines, _line),
}

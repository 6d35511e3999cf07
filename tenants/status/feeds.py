"""Atom feeds (RFC 4287) of status: an entry for each thing that was said, or each change of state."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree

from django.conf import settings
from django.http import HttpResponse

from tenants.status.board import Board
from tenants.status.marks import STAGE, state_of

ATOM = "http://www.w3.org/2005/Atom"
NOTHING_YET = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""When a feed without entries was changed last: the format demands a moment."""


@dataclass(frozen=True)
class Entry:
    """One entry. `name` is unique for ever."""

    name: str
    title: str
    text: str
    at: dt.datetime
    address: str


def of_incidents(told: Board) -> list[Entry]:
    """What staff said, the newest first."""
    listed = [each for part in ("open", "ahead", "past") for each in told[part]]
    return _newest_first(_of_update(row, said) for row in listed for said in row["updates"])


def of_changes(told: Board, address: str) -> list[Entry]:
    """A tenant's changes of state, and what staff said of its edge. Args: address: of the page that tells more."""
    changes = [_of_change(row, told["name"], address) for row in told["changes"]]
    return _newest_first([*changes, *of_incidents(told)])


def answer(*, title: str, page: str, feed: str, entries: Iterable[Entry]) -> HttpResponse:
    """The feed. Args: page, feed: full addresses of what it is about, and of itself."""
    listed = list(entries)
    root = ElementTree.Element("feed", xmlns=ATOM)
    updated = listed[0].at if listed else NOTHING_YET
    _add(root, {"id": _tag("feed:" + urlsplit(feed).path), "title": title, "updated": _said(updated)})
    _add(ElementTree.SubElement(root, "author"), {"name": settings.BRAND})
    ElementTree.SubElement(root, "link", rel="self", type="application/atom+xml", href=feed)
    ElementTree.SubElement(root, "link", rel="alternate", type="text/html", href=page)
    for each in listed:
        entry = ElementTree.SubElement(root, "entry")
        _add(entry, {"id": _tag(each.name), "title": each.title, "updated": _said(each.at), "content": each.text})
        ElementTree.SubElement(entry, "link", rel="alternate", type="text/html", href=each.address)
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return HttpResponse(body, content_type="application/atom+xml; charset=utf-8")


def _of_update(row: Board, said: Board) -> Entry:
    title = f"{row['title']}: {STAGE[said['state']].word.lower()}"
    address = f"{settings.BASE_URL}/status/incidents/{row['id']}/"
    return Entry(said["id"], title, said["text"], said["created_at"], address)


def _of_change(row: Board, name: str, address: str) -> Entry:
    word = state_of(row["state"]).word
    return Entry(
        row["id"],
        f"{name}: {word.lower()}",
        f"{word} since {row['began_at']:%Y-%m-%d %H:%M} UTC.",
        row["began_at"],
        address,
    )


def _newest_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _add(parent: ElementTree.Element, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        ElementTree.SubElement(parent, name).text = text


def _tag(name: str) -> str:
    """An id that stays what it is when the address changes (RFC 4151)."""
    return f"tag:{urlsplit(settings.BASE_URL).hostname},2026:{name}"


def _said(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

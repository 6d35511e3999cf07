"""Pages by position instead of number: page 2,000 costs what page 1 costs, and nothing is ever counted.

Rows are ordered by ``(created_at, id)``, or another moment of theirs, newest first. A cursor is the position of a
page's edge row; it holds nothing that the holder has not seen. The queryset it is applied to decides what is visible.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet

from controlplane.problems import Malformed

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200


@dataclass(frozen=True)
class Page[T: Model]:
    """Rows of a page, newest first, and cursors of its neighbours; None where there is none."""

    rows: list[T]
    older: str | None
    newer: str | None


def page_of[T: Model](
    queryset: QuerySet[T], *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, by: str = "created_at"
) -> Page[T]:
    """Returns one page of ``queryset``, whose rows need ``by`` and ``id`` and an index on both.

    Args: cursor: `Page.older` or `Page.newer` of another page; limit: rows, at most 200; by: a column with a moment.
    Raises: Malformed if the cursor is none of ours.
    """
    if cursor is None:
        return _first(queryset, limit, by)
    direction, position = _read(cursor)
    return (_older if direction == "older" else _newer)(queryset, position, limit, by)


def pager(page: Page[Any], *, keeping: str = "") -> dict[str, str]:
    """Addresses of the neighbours of a page, relative to its own. Args: keeping: the rest of the query, as a search."""
    rest = f"&{keeping}" if keeping else ""
    return {
        "older": f"?cursor={page.older}{rest}" if page.older else "",
        "newer": f"?cursor={page.newer}{rest}" if page.newer else "",
        "words": f"{len(page.rows)} on this page",
    }


def limit_of(text: str | None) -> int:
    """Returns the number of rows asked for. Raises: Malformed outside 1–200."""
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_LIMIT:
        raise Malformed(f"limit must be a whole number from 1 to {LARGEST_LIMIT}.", field="limit")
    return int(text)


def _first[T: Model](queryset: QuerySet[T], limit: int, by: str) -> Page[T]:
    rows = list(queryset.order_by(f"-{by}", "-id")[: limit + 1])
    return Page(rows[:limit], _cursor("older", rows[limit - 1], by) if len(rows) > limit else None, None)


def _older[T: Model](queryset: QuerySet[T], position: tuple[datetime, str], limit: int, by: str) -> Page[T]:
    at, id_ = position
    # The first condition alone bounds the index; without it the OR would make the database read from the start.
    after = Q(**{f"{by}__lte": at}) & (Q(**{f"{by}__lt": at}) | Q(id__lt=id_))
    rows = list(queryset.filter(after).order_by(f"-{by}", "-id")[: limit + 1])
    page = rows[:limit]
    newer = _cursor("newer", page[0], by) if page else None
    return Page(page, _cursor("older", page[-1], by) if len(rows) > limit else None, newer)


def _newer[T: Model](queryset: QuerySet[T], position: tuple[datetime, str], limit: int, by: str) -> Page[T]:
    at, id_ = position
    before = Q(**{f"{by}__gte": at}) & (Q(**{f"{by}__gt": at}) | Q(id__gt=id_))
    rows = list(queryset.filter(before).order_by(by, "id")[: limit + 1])
    page = rows[:limit][::-1]
    older = _cursor("older", page[-1], by) if page else None
    return Page(page, older, _cursor("newer", page[0], by) if len(rows) > limit else None)


def _cursor(direction: str, row: Any, by: str) -> str:
    text = json.dumps([direction, getattr(row, by).isoformat(), str(row.pk)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read(cursor: str) -> tuple[str, tuple[datetime, str]]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        direction, at, id_ = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        position = (datetime.fromisoformat(at), id_)
        usable = direction in ("older", "newer") and isinstance(id_, str) and _is_ours(position[0]) and "\0" not in id_
        id_.encode()
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        usable = False
    if not usable:
        raise Malformed("This cursor is none of ours.", field="cursor", hint="Start again without a cursor.")
    return direction, position


def _is_ours(at: datetime) -> bool:
    """Whether a moment is in UTC, as all of ours are: another offset can push it past the first or last year."""
    return at.utcoffset() == timedelta(0)

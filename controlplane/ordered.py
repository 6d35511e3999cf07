"""
Pages of lists that people sort: by position, as `controlplane.keyset` has them, under an order of several columns.

A cursor holds the values of a page's edge row in the columns of the order, which its holder has seen there.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, OrderBy, Q, QuerySet

from controlplane.keyset import DEFAULT_LIMIT
from controlplane.problems import Malformed

LARGEST = 2**63


@dataclass(frozen=True)
class Column:
    """A column of an order, or an annotation that is never null. `kind` is text, number or moment."""

    name: str
    kind: str = "text"
    descending: bool = False

    @property
    def order_by(self) -> OrderBy:
        """The same for the database."""
        return F(self.name).desc() if self.descending else F(self.name).asc()

    def beyond(self, value: Any, *, or_at: bool = False) -> Q:
        """The condition to come after a value in this order, or at it as well."""
        return Q(**{f"{self.name}__{'lt' if self.descending else 'gt'}{'e' if or_at else ''}": value})

    def turned(self) -> "Column":
        """The same the other way round."""
        return Column(self.name, self.kind, not self.descending)


type Order = Sequence[Column]


@dataclass(frozen=True)
class Page:
    """Rows of a page in their order, and cursors of its neighbours; None where there is none."""

    rows: list[Any]
    next: str | None
    previous: str | None


def page_of(rows: QuerySet[Any], order: Order, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page:
    """
    One page of `rows`, models or dictionaries.

    Args: order: columns that together tell any two rows apart. cursor: `Page.next` or `Page.previous` of another page
    in the same order.
    Raises Malformed if the cursor is none of ours, or of a list in another order.
    """
    if cursor is None:
        return _forward(rows, order, None, limit)
    direction, position = _read(cursor, order)
    return (_forward if direction == "next" else _backward)(rows, order, position, limit)


def pager(page: Page, *, keeping: str = "") -> dict[str, str]:
    """Addresses of the neighbours of a page, relative to its own. Args: keeping: the rest of the query."""
    rest = f"&{keeping}" if keeping else ""
    return {
        "next": f"?cursor={page.next}{rest}" if page.next else "",
        "previous": f"?cursor={page.previous}{rest}" if page.previous else "",
    }


def after(order: Order, position: Sequence[Any]) -> Q:
    """The condition to come after a position. Its outermost part alone bounds an index on the first column."""
    (column, *rest), (value, *values) = order, position
    if not rest:
        return column.beyond(value)
    return column.beyond(value, or_at=True) & (column.beyond(value) | after(rest, values))


def _forward(rows: QuerySet[Any], order: Order, position: Sequence[Any] | None, limit: int) -> Page:
    found = list((rows if position is None else rows.filter(after(order, position))).order_by(*_by(order))[: limit + 1])
    page = found[:limit]
    return Page(
        page,
        _cursor("next", order, page[-1]) if len(found) > limit else None,
        _cursor("previous", order, page[0]) if page and position is not None else None,
    )


def _backward(rows: QuerySet[Any], order: Order, position: Sequence[Any], limit: int) -> Page:
    turned = [column.turned() for column in order]
    found = list(rows.filter(after(turned, position)).order_by(*_by(turned))[: limit + 1])
    page = found[:limit][::-1]
    return Page(
        page,
        _cursor("next", order, page[-1]) if page else None,
        _cursor("previous", order, page[0]) if len(found) > limit else None,
    )


def _by(order: Order) -> list[OrderBy]:
    return [column.order_by for column in order]


def _cursor(direction: str, order: Order, row: Any) -> str:
    values = [_written(row[column.name] if isinstance(row, Mapping) else getattr(row, column.name)) for column in order]
    text = json.dumps([direction, _named(order), values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _named(order: Order) -> str:
    return ",".join(f"{'-' if column.descending else ''}{column.name}" for column in order)


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(cursor: str, order: Order) -> tuple[str, list[Any]]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        direction, named, values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        usable = direction in ("next", "previous") and named == _named(order)
        position = [KINDS[column.kind](value) for column, value in zip(order, values, strict=True)]
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        usable = False
    if not usable:
        raise Malformed("This cursor is none of this list’s.", field="cursor", hint="Start again without a cursor.")
    return direction, position


def _text(value: Any) -> str:
    value.encode()
    if "\0" in value:
        raise ValueError("no text of a database")
    return str(value)


def _number(value: Any) -> int:
    if type(value) is not int or not -LARGEST <= value < LARGEST:
        raise ValueError("no number of a database")
    return value


def _moment(value: Any) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None or at.utcoffset() != UTC.utcoffset(None):
        # Another offset can push it past the first or last year.
        raise ValueError("no moment of ours")
    return at


KINDS: Mapping[str, Callable[[Any], Any]] = {"text": _text, "number": _number, "moment": _moment}

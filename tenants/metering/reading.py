"""What the edge's usage feed brings, read from its JSON."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tenants.provisioning.edge_errors import EdgeAmbiguous
from tenants.provisioning.sighting import Malformed, read_time

MOST = Decimal(10) ** 16
"""More than any hour has of anything, and less than a column holds."""


@dataclass(frozen=True)
class Used:
    """One row: `seq` orders the feed, `object_seq` the rows of one tenant, across every feed there was."""

    seq: int
    tenant_id: str
    object_seq: int
    hour: dt.datetime
    kind: str
    role: str
    size: str
    quantity: Decimal


@dataclass(frozen=True)
class Page:
    """A stretch of the feed, with the feed's name and bounds at that moment."""

    feed_epoch: str
    oldest: int
    latest: int
    rows: tuple[Used, ...]


def read_page(answer: Mapping[str, Any]) -> Page:
    """
    Read a page. Raises EdgeAmbiguous where any row can't be read: none of them is passed over, so the cursor stays.
    """
    try:
        rows = tuple(_used(row) for row in answer["rows"])
        return Page(str(answer["feed_epoch"]), int(answer["oldest_seq"]), int(answer["latest_seq"]), rows)
    except (KeyError, TypeError, ValueError, Malformed) as error:
        raise EdgeAmbiguous(f"The edge sent usage of an unreadable shape: {error!r}.") from error


def by_tenant(rows: Iterable[Used]) -> dict[str, list[Used]]:
    """The rows of each tenant, in order."""
    grouped: dict[str, list[Used]] = {}
    for row in rows:
        grouped.setdefault(row.tenant_id, []).append(row)
    return grouped


def _used(row: Mapping[str, Any]) -> Used:
    return Used(
        seq=int(row["seq"]),
        tenant_id=str(row["tenant"]),
        object_seq=int(row["object_seq"]),
        hour=_hour(row["hour"]),
        kind=_name(row["kind"], 32),
        role=_name(row["role"] or "", 16),
        size=_name(row["size"] or "", 16),
        quantity=_quantity(row["quantity"]),
    )


def _hour(value: object) -> dt.datetime:
    moment = read_time(value)
    if moment is None or moment.astimezone(dt.UTC) != moment.astimezone(dt.UTC).replace(
        minute=0, second=0, microsecond=0
    ):
        raise Malformed(f"{value!r} is no hour")
    return moment.astimezone(dt.UTC)


def _name(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise Malformed(f"{value!r} is no name")
    return value


def _quantity(value: object) -> Decimal:
    """A number of the unit, to three places; JSON's floats are read as they were written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{value!r} is no quantity")
    quantity = Decimal(str(value))
    if not quantity.is_finite() or not 0 <= quantity < MOST:
        raise Malformed(f"{value!r} is no quantity")
    return quantity.quantize(Decimal("0.001"))

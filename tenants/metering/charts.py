"""What a tenant used, as lines over time: which charts there are, and what is known at each of their moments. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenants.metering.models import UsageHour

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
STEPS = {"hour": HOUR, "day": DAY}


@dataclass(frozen=True)
class Range:
    """A stretch of time to look at: `steps` hours or days, of which the last is the present one."""

    label: str
    by: str
    steps: int


RANGES = {
    "24h": Range("24 hours", "hour", 24),
    "7d": Range("7 days", "hour", 7 * 24),
    "30d": Range("30 days", "day", 30),
    "90d": Range("90 days", "day", 90),
}
BY_DEFAULT = "7d"


@dataclass(frozen=True)
class Line:
    """One line of a chart: usage of a kind, and of one role where the kind is about nodes."""

    label: str
    kind: str
    role: str | None = None


@dataclass(frozen=True)
class Chart:
    """
    One chart. `unit` says how quantities are written, `per` the seconds that a quantity is divided by.

    Of a rate `per` is the length of the step itself. Lines that are `stacked` are parts of a whole.
    """

    key: str
    title: str
    hint: str
    unit: str
    lines: Sequence[Line]
    per: float | None = 1.0
    stacked: bool = False


KIND = UsageHour.Kind
CHARTS = (
    Chart(
        "agents",
        "Agents",
        "The most in each step of time.",
        "count",
        (Line("Connected", KIND.AGENTS_ACTIVE), Line("Enrolled", KIND.AGENTS_ENROLLED)),
    ),
    Chart(
        "alerts",
        "Alerts a second",
        "On average, as the event stream took them.",
        "rate",
        (Line("Alerts", KIND.ALERTS),),
        None,
    ),
    Chart(
        "storage",
        "Storage",
        "The most on the fullest of the indexers' disks.",
        "bytes",
        (Line("Used", KIND.DISK_USED_BYTES, "indexer"),),
    ),
    Chart(
        "containers",
        "Container hours",
        "By role. One container that runs all day counts 24.",
        "hours",
        (
            Line("Indexer", KIND.CONTAINER_SECONDS, "indexer"),
            Line("Manager", KIND.CONTAINER_SECONDS, "manager"),
            Line("Dashboard", KIND.CONTAINER_SECONDS, "dashboard"),
        ),
        3600,
        stacked=True,
    ),
    Chart(
        "traffic",
        "Agents' traffic",
        "Inside of their connections.",
        "bytes",
        (Line("From agents", KIND.TUNNEL_BYTES_UP), Line("To agents", KIND.TUNNEL_BYTES_DOWN)),
    ),
)


@dataclass(frozen=True)
class Drawn:
    """A chart with its values: of each line one for each moment, and None where nothing is known."""

    chart: Chart
    moments: Sequence[dt.datetime]
    values: Sequence[Sequence[float | None]]

    @property
    def rows(self) -> list[tuple[dt.datetime, tuple[float | None, ...]]]:
        """Moments with what every line says of them, the newest first: a chart as a table."""
        return [*zip(self.moments, zip(*self.values, strict=True), strict=True)][::-1]

    @property
    def last(self) -> list[tuple[Line, float | None]]:
        """Each line with the newest value that is known."""
        return [
            (line, next((value for value in reversed(values) if value is not None), None))
            for line, values in zip(self.chart.lines, self.values, strict=True)
        ]

    @property
    def is_known(self) -> bool:
        """Whether there is anything to draw."""
        return any(value is not None for values in self.values for value in values)


def moments_of(wanted: Range, now: dt.datetime) -> list[dt.datetime]:
    """The beginnings of the hours or days (UTC) of a stretch that ends with the present one."""
    now, step = now.astimezone(dt.UTC), STEPS[wanted.by]
    hour = now.replace(minute=0, second=0, microsecond=0)
    last = hour.replace(hour=0) if wanted.by == "day" else hour
    return [last - step * ago for ago in range(wanted.steps - 1, -1, -1)]


def draw(rows: Iterable[Mapping[str, Any]], wanted: Range, now: dt.datetime) -> list[Drawn]:
    """
    Every chart over one stretch of time.

    A sum of which no row came is nothing where the step was told of at all, and not known where it was not; a peak
    without a row is not known. Args: rows: as `queries.used` gives them, by the range's steps.
    """
    moments = moments_of(wanted, now)
    amounts: dict[tuple[dt.datetime, str, str], float] = {}
    for row in rows:
        key = (row["at"], row["kind"], row["role"])
        amounts[key] = amounts.get(key, 0.0) + float(row["amount"])
    told = {at for at, _, _ in amounts}
    seconds = STEPS[wanted.by].total_seconds()
    return [
        Drawn(
            chart,
            moments,
            [[_value(chart, line, at, amounts, told, seconds) for at in moments] for line in chart.lines],
        )
        for chart in CHARTS
    ]


def _value(
    chart: Chart,
    line: Line,
    at: dt.datetime,
    amounts: Mapping[tuple[dt.datetime, str, str], float],
    told: set[dt.datetime],
    seconds: float,
) -> float | None:
    amount = amounts.get((at, line.kind, line.role or ""))
    if amount is None:
        return 0.0 if at in told and line.kind not in UsageHour.PEAKS else None
    return amount / (chart.per or seconds)

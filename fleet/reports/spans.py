"""Weeks and months in a time zone: which one is over, and when its report is due. Pure."""

import datetime as dt
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

AFTER = dt.timedelta(hours=2)
"""How long after a span its report is made: the last hour's usage comes some minutes after its end."""

Span = tuple[dt.datetime, dt.datetime]


def _week(day: dt.date) -> tuple[dt.date, dt.date]:
    begins = day - dt.timedelta(days=day.weekday())
    return begins, begins + dt.timedelta(days=7)


def _month(day: dt.date) -> tuple[dt.date, dt.date]:
    begins = day.replace(day=1)
    return begins, (begins + dt.timedelta(days=31)).replace(day=1)


_AROUND: Mapping[str, Callable[[dt.date], tuple[dt.date, dt.date]]] = {"weekly": _week, "monthly": _month}


def around(every: str, zone: str, moment: dt.datetime) -> Span:
    """Begin and end (UTC) of the week, from Monday, or month in which a moment lies."""
    local = ZoneInfo(zone)
    begins, ends = _AROUND[every](moment.astimezone(local).date())
    return _midnight(begins, local), _midnight(ends, local)


def last_whole(every: str, zone: str, now: dt.datetime) -> Span:
    """The last week or month that is over."""
    begins, _ = around(every, zone, now)
    return around(every, zone, begins - dt.timedelta(seconds=1))


def due_after(every: str, zone: str, moment: dt.datetime) -> dt.datetime:
    """When the report of the span in which a moment lies is due."""
    return around(every, zone, moment)[1] + AFTER


def reported_at(every: str, zone: str, due: dt.datetime, owed_from: dt.datetime | None = None) -> Span:
    """The span whose report is due at that moment. Args: owed_from: its begin, where it is of another schedule."""
    ends = due - AFTER
    return owed_from or around(every, zone, ends - dt.timedelta(seconds=1))[0], ends


def is_over(due: dt.datetime, now: dt.datetime) -> bool:
    """Whether the span whose report is due at that moment is over."""
    return due - AFTER <= now


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=zone).astimezone(dt.UTC)

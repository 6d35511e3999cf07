"""Periods of components: how a reading becomes rows, and what days are made of them."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.status.models import ComponentPeriod
from tenants.status.probes import Reading

EVERY = dt.timedelta(seconds=30)
"""How often a component is looked at."""
GAP = dt.timedelta(minutes=3)
"""After so long without a look nobody knows how it was."""
DAYS = 90
KEPT = dt.timedelta(days=DAYS + 2)

UNKNOWN = "unknown"
GRAVITY = ("down", "degraded", "changing", "stopped", "resting", "operational", UNKNOWN)
"""Worst first: what a day is called in which there was more than one state."""


def note(component: str, reading: Reading, now: dt.datetime) -> None:
    """Write down what a check saw. Of two that look at once, one finds the other's row and changes nothing."""
    try:
        with transaction.atomic():
            _note(component, reading, now)
    except IntegrityError:
        return


def _note(component: str, reading: Reading, now: dt.datetime) -> None:
    newest = ComponentPeriod.objects.select_for_update().filter(component=component, newest=True).first()
    if newest is not None:
        seamless = now - newest.seen_until <= GAP
        if seamless:
            newest.seen_until = max(newest.seen_until, now)
        newest.newest = seamless and newest.state == reading.state
        newest.save(update_fields=["seen_until", "newest"])
        if newest.newest:
            return
    seen = {"state": reading.state, "detail": reading.detail[:200], "began_at": now, "seen_until": now}
    ComponentPeriod.objects.create(component=component, **seen)


def forget(now: dt.datetime) -> None:
    """Remove what is older than the history that is shown; what goes on still is kept, however long it has."""
    ComponentPeriod.objects.filter(seen_until__lt=now - KEPT).delete()


@dataclass(frozen=True)
class Stretch:
    """One state from one moment to another."""

    state: str
    begins: dt.datetime
    ends: dt.datetime


@dataclass(frozen=True)
class Day:
    """One day (UTC): its worst state, for how many seconds each state held; empty where nobody looked."""

    date: dt.date
    state: str
    seconds: dict[str, int]

    @property
    def known(self) -> int:
        """Seconds of which something is known."""
        return sum(self.seconds.values())


def days_of(stretches: Iterable[Stretch], today: dt.date, count: int = DAYS) -> list[Day]:
    """The last days, the oldest first, each with what held in it."""
    dates = [today - dt.timedelta(days=back) for back in reversed(range(count))]
    held: dict[dt.date, dict[str, int]] = {date: {} for date in dates}
    for stretch in stretches:
        for date, seconds in _split(stretch, dates[0]):
            if date in held:
                held[date][stretch.state] = held[date].get(stretch.state, 0) + seconds
    return [Day(date, min(seconds, key=GRAVITY.index, default=UNKNOWN), seconds) for date, seconds in held.items()]


def _split(stretch: Stretch, first: dt.date) -> Iterator[tuple[dt.date, int]]:
    """A stretch by days (UTC) from `first` on, with its seconds in each; a moment counts as one second."""
    begins = max(stretch.begins.astimezone(dt.UTC), dt.datetime.combine(first, dt.time(), tzinfo=dt.UTC))
    ends = stretch.ends.astimezone(dt.UTC)
    while begins <= ends:
        midnight = dt.datetime.combine(begins.date() + dt.timedelta(days=1), dt.time(), tzinfo=dt.UTC)
        yield begins.date(), max(1, round((min(ends, midnight) - begins).total_seconds()))
        begins = midnight


def up_share(days: Iterable[Day], ups: Iterable[str] = ("operational",)) -> float | None:
    """Of what is known, the share in which it was up, in percent; None where nothing is known."""
    listed, counted = list(days), set(ups)
    known = sum(day.known for day in listed)
    up = sum(seconds for day in listed for state, seconds in day.seconds.items() if state in counted)
    return round(100 * up / known, 3) if known else None


def stretches_of(periods: Iterable[ComponentPeriod]) -> list[Stretch]:
    """Rows as stretches."""
    return [Stretch(each.state, each.began_at, each.seen_until) for each in periods]


def state_now(newest: ComponentPeriod | None, now: dt.datetime | None = None) -> str:
    """In what state a component is, if somebody looked lately."""
    if newest is None or (now or timezone.now()) - newest.seen_until > GAP:
        return UNKNOWN
    return newest.state

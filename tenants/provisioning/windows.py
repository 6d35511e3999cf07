"""Maintenance windows: when a tenant's nodes may restart, by weekday, time, length and time zone. Pure."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from controlplane.problems import FieldError, Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEAST_MINUTES, MOST_MINUTES = 30, 1440
FIELD = "maintenance_window"

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")


@dataclass(frozen=True)
class Window:
    """Begins on each of `days` at `start` ("02:00") of `time_zone` (IANA), and lasts `minutes`."""

    days: tuple[str, ...]
    start: str
    minutes: int
    time_zone: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Window":
        """A window as rows and requests have it. Raises Invalid naming every fault."""
        faults = list(_faults(data))
        if faults:
            raise Invalid(faults[0].message, errors=faults)
        days = tuple(day for day in DAYS if day in data["days"])
        return cls(days, data["start"], data["minutes"], data["time_zone"])

    def as_json(self) -> dict[str, Any]:
        """How rows keep it."""
        return {"days": list(self.days), "start": self.start, "minutes": self.minutes, "time_zone": self.time_zone}

    def next_after(self, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
        """
        Begin and end of the next window that has yet to begin, in UTC.

        A time that the clocks leave out in spring is taken as if they had not been moved yet.
        """
        zone = ZoneInfo(self.time_zone)
        at = dt.time.fromisoformat(self.start)
        today = now.astimezone(zone).date()
        # Eight days: of one weekday the next may be a week from today.
        for day in (today + dt.timedelta(days=ahead) for ahead in range(9)):
            begins = dt.datetime.combine(day, at, tzinfo=zone).astimezone(dt.UTC)
            if DAYS[day.weekday()] in self.days and begins > now:
                return begins, begins + dt.timedelta(minutes=self.minutes)
        raise AssertionError("a window has a day")

    @property
    def words(self) -> str:
        """'Sunday at 02:00 for 2 h (Europe/Berlin)'."""
        days = "Every day" if len(self.days) == len(DAYS) else ", ".join(NAMES[DAYS.index(day)] for day in self.days)
        hours, minutes = divmod(self.minutes, 60)
        length = " ".join(part for part in (hours and f"{hours} h", minutes and f"{minutes} min") if part)
        return f"{days} at {self.start} for {length} ({self.time_zone})"


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Names of IANA's list that this machine knows."""
    return frozenset(available_timezones())


def _faults(data: Mapping[str, Any]) -> Iterator[FieldError]:
    days, start, minutes, zone = (data.get(name) for name in ("days", "start", "minutes", "time_zone"))
    if not isinstance(days, list | tuple) or not days or not all(day in DAYS for day in days):
        yield FieldError(f"{FIELD}.days", f"Expected one or more of {', '.join(DAYS)}.")
    if not isinstance(start, str) or not _TIME.match(start):
        yield FieldError(f"{FIELD}.start", "Expected a time of the day such as 02:00.")
    if type(minutes) is not int or not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        yield FieldError(f"{FIELD}.minutes", f"Expected {LEAST_MINUTES} to {MOST_MINUTES} minutes.")
    if not isinstance(zone, str) or zone not in zones():
        yield FieldError(f"{FIELD}.time_zone", "Expected a time zone such as Europe/Berlin or UTC.")

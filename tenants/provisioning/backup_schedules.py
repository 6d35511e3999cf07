"""When a tenant backs itself up, as its plan may say: every so many hours, at a time of the day, so many kept. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.problems import FieldError

FIELD = "backups"
BOUNDS: Mapping[str, tuple[int, int]] = {"every_hours": (6, 168), "keep": (1, 90)}
"""As the edge has them: tests/contract compares them."""

DEFAULT = "every day, kept for a week and of a Sunday for four"

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")


def faults(schedule: Mapping[str, Any], *, most_days: int) -> Iterator[FieldError]:
    """What is wrong with a schedule. Args: most_days: for how long the organization's plan keeps anything."""
    for name, (least, most) in BOUNDS.items():
        value = schedule.get(name)
        if type(value) is not int or not least <= value <= most:
            yield FieldError(f"{FIELD}.{name}", f"Expected {least} to {most}.")
    at = schedule.get("at_utc")
    if at is not None and not (isinstance(at, str) and _TIME.match(at)):
        yield FieldError(f"{FIELD}.at_utc", "Expected a time of the day such as 02:30.")
    unknown = sorted(set(schedule) - {*BOUNDS, "at_utc"})
    if unknown:
        yield FieldError(f"{FIELD}.{unknown[0][:32]}", "There is no such setting.")
    yield from _too_long(schedule, most_days)


def in_spec(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule as the edge takes it."""
    return {name: value for name, value in schedule.items() if value is not None}


def words(schedule: Mapping[str, Any] | None) -> str:
    """'every 6 h at 02:30 UTC, 28 kept', or what holds without a choice."""
    if not schedule:
        return DEFAULT
    at = f" at {schedule['at_utc']} UTC" if schedule.get("at_utc") else ""
    return f"every {schedule['every_hours']} h{at}, {schedule['keep']} kept"


def _too_long(schedule: Mapping[str, Any], most_days: int) -> Iterator[FieldError]:
    every, keep = schedule.get("every_hours"), schedule.get("keep")
    if isinstance(every, int) and isinstance(keep, int) and every * keep > most_days * 24:
        days = -(-every * keep // 24)
        yield FieldError(f"{FIELD}.keep", f"Kept for {days} days; the plan keeps everything for at most {most_days}.")

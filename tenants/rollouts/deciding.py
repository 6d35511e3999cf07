"""What a roll-out does next. Pure: from its rows and the clock, with the reason."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from tenants.provisioning.models import Tenant

RINGS = tuple(Tenant.Ring.values)
A_FEW = 10
"""Tenants of one ring that are changed at the same time, and that one transaction begins."""
LOOK_AGAIN = dt.timedelta(seconds=15)


class Act(StrEnum):
    """What there is to do."""

    BEGIN = "begin"
    WAIT = "wait"
    ADVANCE = "advance"
    HOLD = "hold"
    FINISH = "finish"


class Terms(Protocol):
    """What is asked of a roll-out, and where it stands."""

    @property
    def ring(self) -> str: ...
    @property
    def soak_hours(self) -> int: ...
    @property
    def failures_allowed(self) -> int: ...
    @property
    def failures_accepted(self) -> int: ...


class Target(Protocol):
    """One tenant of it."""

    @property
    def ring(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def not_before(self) -> dt.datetime | None: ...
    @property
    def ended_at(self) -> dt.datetime | None: ...


@dataclass(frozen=True)
class Decision:
    """`targets`, of those given, are to begin; `ring` is the one to advance to, `until` when to look again."""

    act: Act
    why: str
    targets: Sequence[Any] = ()
    ring: str = ""
    until: dt.datetime | None = None


def decide(terms: Terms, targets: Iterable[Target], now: dt.datetime, *, in_rings: bool = True) -> Decision:
    """
    The next step.

    Too many failures hold it as soon as nothing runs any more. Within a ring tenants are begun a few at a time; it is
    over when none is left; the next one begins once the last of those that were changed has soaked. What knows no rings
    asks every tenant, whether or not the others have ended: one may wait a week for its window.
    """
    targets = list(targets)
    here = [each for each in targets if each.ring == terms.ring]
    runs = [each for each in here if each.state == "running"]
    failures = sum(each.state == "failed" for each in targets) - terms.failures_accepted
    if failures > terms.failures_allowed:
        if runs:
            return Decision(Act.WAIT, "what runs comes to its end", until=now + LOOK_AGAIN)
        return Decision(Act.HOLD, _failed(failures, terms.ring))
    pending = [each for each in here if each.state == "pending"]
    ready = [each for each in pending if each.not_before is None or each.not_before <= now]
    room = A_FEW - len(runs) if in_rings else A_FEW
    if ready and room > 0:
        return Decision(Act.BEGIN, "these are next", targets=ready[:room])
    if pending or runs:
        return Decision(Act.WAIT, "tenants of the ring have yet to end", until=now + LOOK_AGAIN)
    return _after_ring(terms, targets, here, now)


def first_ring(targets: Iterable[Target], *, state: str = "pending") -> str:
    """The first ring that has a target in a state; empty where none has."""
    rings = {each.ring for each in targets if each.state == state}
    return next((ring for ring in RINGS if ring in rings), "")


def _after_ring(terms: Terms, targets: list[Target], here: list[Target], now: dt.datetime) -> Decision:
    following = first_ring(each for each in targets if RINGS.index(each.ring) > RINGS.index(terms.ring))
    if not following:
        return Decision(Act.FINISH, "every tenant has ended")
    changed = [each.ended_at for each in here if each.state in ("succeeded", "failed") and each.ended_at]
    soaked = max(changed, default=now - dt.timedelta(hours=terms.soak_hours)) + dt.timedelta(hours=terms.soak_hours)
    if soaked > now:
        return Decision(Act.WAIT, f"the ring {terms.ring} soaks", until=soaked)
    return Decision(Act.ADVANCE, f"the ring {terms.ring} is over", ring=following)


def _failed(count: int, ring: str) -> str:
    return f"{count} tenant{'s' if count > 1 else ''} failed in the ring {ring}. Nothing further was begun."

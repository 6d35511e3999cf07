"""What checks of the platform's components ask, and what they make of the answer."""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from django.utils import timezone

from controlplane import rls
from controlplane.models import Delivery
from tenants.provisioning.feed import is_unread
from tenants.provisioning.models import Cell, Tenant
from tenants.status.models import ComponentPeriod

State = ComponentPeriod.State

SECONDS = 5.0
"""How long a door may take to answer."""
TRIES = 2
"""One lost packet is no outage."""
LATE, VERY_LATE = dt.timedelta(minutes=1), dt.timedelta(minutes=10)
"""How far background work may lie behind what is due."""
BETWEEN_SHIFTS = 2.0
"""Seconds for which nobody may read a cell's changes while one reader hands over to the next."""


@dataclass(frozen=True)
class Reading:
    """What one check saw. `detail` is for operators."""

    state: str
    detail: str = ""


WELL = Reading(State.OPERATIONAL)
Judge = Callable[[httpx.Response], Reading]


def answers(address: str, expected: int) -> Reading:
    """Whether a GET is answered with the status that says that all is well."""
    return _asked("GET", address, lambda answer: WELL if answer.status_code == expected else _unexpected(answer))


def refuses(method: str, address: str) -> Reading:
    """Whether a door of the edge refuses what proves nothing in the edge's own words: only one that works does."""
    return _asked(method, address, lambda answer: WELL if _is_refusal(answer) else _unexpected(answer))


def portal_is_ready(address: str) -> Reading:
    """The portal's own readiness. Without its broker it serves, and what it is asked for comes later."""
    return _asked("GET", address, _judge_readiness)


def work_is_done() -> Reading:
    """By how much what waits longest is late: facts to be delivered, tenants to be looked at."""
    now = timezone.now()
    with rls.reading_as(""):
        due = rls.call("status_work_due", otherwise=_work_due)
    worst = max((now - row["at"] for row in due), default=dt.timedelta())
    if worst < LATE:
        return WELL
    state = State.DOWN if worst >= VERY_LATE else State.DEGRADED
    return Reading(state, f"{int(worst.total_seconds())} s behind")


def changes_are_read(cell_id: str) -> Reading:
    """Whether somebody reads what a cell has to tell."""
    for _ in range(TRIES):
        if not is_unread(Cell.objects.get(pk=cell_id), timezone.now()):
            return WELL
        time.sleep(BETWEEN_SHIFTS)
    return Reading(State.DEGRADED, "nobody reads its changes")


def _asked(method: str, address: str, judge: Judge) -> Reading:
    reading = WELL
    for _ in range(TRIES):
        reading = _asked_once(method, address, judge)
        if reading.state == State.OPERATIONAL:
            break
    return reading


def _asked_once(method: str, address: str, judge: Judge) -> Reading:
    body: dict[str, Any] = {"json": {}} if method == "POST" else {}
    try:
        return judge(httpx.request(method, address, timeout=SECONDS, trust_env=False, **body))
    except httpx.HTTPError as error:
        return Reading(State.DOWN, type(error).__name__)


def _judge_readiness(answer: httpx.Response) -> Reading:
    told = _object_in(answer).get("checks")
    if answer.status_code != httpx.codes.OK or not isinstance(told, dict):
        return _unexpected(answer)
    return WELL if told.get("broker") == "ok" else Reading(State.DEGRADED, "the broker is unreachable")


def _is_refusal(answer: httpx.Response) -> bool:
    return answer.is_client_error and bool(_object_in(answer).get("code"))


def _object_in(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _unexpected(answer: httpx.Response) -> Reading:
    return Reading(State.DOWN, f"HTTP {answer.status_code}")


def _work_due() -> Sequence[dict[str, dt.datetime]]:
    """The moments at which the longest waiting delivery and tenant became due."""
    deliveries = Delivery.objects.filter(next_attempt_at__isnull=False).order_by("next_attempt_at")
    tenants = Tenant.objects.filter(next_attempt_at__isnull=False, lease_until__isnull=True).order_by("next_attempt_at")
    first = [each.first() for each in (deliveries, tenants)]
    return [{"at": row.next_attempt_at} for row in first if row is not None and row.next_attempt_at is not None]

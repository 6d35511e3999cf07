"""
A tenant's life as pure functions: what is wanted, what comes next and why, and what people see.

Nothing here reads a clock, a database or the network; `reconciler.py` acts on what is decided here.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from tenants.provisioning.sighting import Sighting, read_time

RUNNING, STOPPED, DELETED = "running", "stopped", "deleted"

ATTEMPT_CAP = 20
"""Failed calls in a row after which the reconciler gives up and waits for a Retry."""

FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0
"""Seconds before the second attempt, and the most that doubling makes of them."""

CERTIFICATE_NOTICE = dt.timedelta(days=14)


class Entitled(Protocol):
    """What this module needs to know of an entitlement."""

    @property
    def suspended(self) -> bool: ...


class Intent(Protocol):
    """What this module needs to know of a tenant: under which fence it goes out, and whether we have given up."""

    halted_at: dt.datetime | None

    @property
    def fence(self) -> tuple[int, int]: ...

    @property
    def ever_sent(self) -> bool: ...


class Recorded(Protocol):
    """What `status_of` needs to know of a tenant."""

    requested: str
    observed: str
    observed_generation: int
    generation: int
    sent_hash: str
    next_attempt_at: dt.datetime | None
    halted_at: dt.datetime | None
    deleted_at: dt.datetime | None
    edge_view: Any

    @property
    def in_bin(self) -> bool: ...


class Action(StrEnum):
    """What the reconciler does next."""

    SEND = "send"
    ERASE = "erase"
    WAIT = "wait"
    REST = "rest"
    BURY = "bury"
    HALT = "halt"


@dataclass(frozen=True)
class Decision:
    """An action with the reason for it, in words for the log."""

    action: Action
    reason: str


def wanted(requested: str, entitlement: Entitled, *, in_bin: bool) -> str:
    """What a tenant should be: as requested, but stopped in the recycle bin and while its organization is suspended."""
    if requested == RUNNING and (in_bin or entitlement.suspended):
        return STOPPED
    return requested


def spec_hash(aim: str, spec: Mapping[str, Any]) -> str:
    """A fingerprint of the effective spec: when it changes, a new generation is due."""
    canonical = json.dumps([aim, spec], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def next_step(intent: Intent, aim: str, seen: Sighting | None) -> Decision:
    """
    Decide what to do for one tenant.

    Args:
        intent: the tenant with the fence that this claim holds.
        aim: what is wanted (see `wanted`).
        seen: what the edge holds; None if it knows nothing of this tenant.
    """
    if seen is not None and seen.fence > intent.fence:
        return Decision(Action.HALT, f"the edge holds {seen.fence}, which is newer than our {intent.fence}")
    if intent.halted_at is not None:
        return Decision(Action.REST, "given up until somebody asks for a Retry")
    if aim == DELETED:
        return _towards_deletion(intent, seen)
    if not intent.ever_sent:
        return Decision(Action.REST, "nothing was ever started, so there is nothing to stop")
    if seen is None or seen.fence < intent.fence:
        return Decision(Action.SEND, "the edge does not have this generation yet")
    if is_reached(aim, intent.fence, seen):
        return Decision(Action.REST, f"{aim} is reached")
    if seen.run is not None and seen.run.state == "failed":
        return Decision(Action.REST, "the run failed at the edge; a Retry continues it")
    return Decision(Action.WAIT, f"the edge works towards {aim}")


def _towards_deletion(intent: Intent, seen: Sighting | None) -> Decision:
    if seen is None or seen.fence < intent.fence:
        return Decision(Action.ERASE, "the edge does not know of the deletion yet")
    if is_reached(DELETED, intent.fence, seen):
        return Decision(Action.BURY, "nothing is left at the edge but its tombstone")
    if seen.run is not None and seen.run.state == "failed":
        return Decision(Action.REST, "erasing failed at the edge; a Retry continues it")
    return Decision(Action.WAIT, "the edge erases")


def is_reached(aim: str, fence: tuple[int, int], seen: Sighting) -> bool:
    """Whether the edge has fully reached what was sent under this fence."""
    if seen.fence != fence or seen.requested != aim:
        return False
    if aim == DELETED:
        return seen.observed == "absent"
    if aim == STOPPED and seen.observed == "absent":
        return True
    return (seen.observed == aim or (aim == RUNNING and seen.sleeping)) and seen.observed_generation >= seen.generation


def delay_after(attempts: int, jitter: float) -> dt.timedelta:
    """
    How long to wait after so many failed attempts in a row.

    Args:
        attempts: 1 or more.
        jitter: between 0 and 1; keeps tenants that failed together from coming back together.
    """
    seconds = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempts - 1, 16))
    return dt.timedelta(seconds=seconds * (0.5 + jitter / 2))


def status_of(tenant: Recorded, now: dt.datetime) -> str:
    """
    What people see: provisioning, running, attention, sleeping, stopping, stopped, failed, binned or deleted.

    It is computed at every look and never stored.
    """
    if tenant.deleted_at is not None:
        return "deleted"
    if tenant.halted_at is not None or (tenant.observed == "failed" and is_heard(tenant)):
        return "failed"
    if tenant.in_bin and tenant.requested != DELETED:
        return "binned"
    return _STATUS_BY_AIM[told(tenant)](tenant, now)


def is_heard(tenant: Recorded) -> bool:
    """Whether what the edge said last is about the newest intent, which has been handed over."""
    return bool(tenant.sent_hash and tenant.edge_view) and tenant.edge_view["generation"] == tenant.generation


def told(tenant: Recorded) -> str:
    """What the edge was last told to make of a tenant; before it heard anything, what was requested."""
    if tenant.requested != DELETED and is_heard(tenant):
        return str(tenant.edge_view["requested"])
    return tenant.requested


def attention(tenant: Recorded, now: dt.datetime) -> list[dict[str, str]]:
    """The reasons, each with code and message, why a tenant that runs needs a look."""
    view = tenant.edge_view or {}
    found = [_key_missing(view.get("reason")), _not_fully_up(tenant), _certificate_ends(view.get("certificate"), now)]
    # What is past the plan's thresholds is judged at the edge, which has the signs at first hand.
    told = [{"code": str(reason["code"]), "message": str(reason["message"])} for reason in view.get("attention") or []]
    return [*(reason for reason in found if reason), *told]


def is_sleeping(tenant: Recorded) -> bool:
    """Whether the tenant rests at the edge, or is on its way there; a request wakes it."""
    return bool((tenant.edge_view or {}).get("sleeping"))


def is_waking(tenant: Recorded) -> bool:
    """Whether the tenant slept and its nodes are on their way up."""
    run = (tenant.edge_view or {}).get("run") or {}
    return (run.get("kind"), run.get("state")) == ("wake", "running") and tenant.observed == "starting"


def _running_status(tenant: Recorded, now: dt.datetime) -> str:
    if tenant.generation == 0 and tenant.next_attempt_at is None:
        return "stopped"  # never started, and not going to be: its organization is suspended
    if not tenant.sent_hash or (tenant.observed_generation < tenant.generation and _rolls(tenant) is None):
        return "provisioning"
    if is_sleeping(tenant):
        return "sleeping"
    if is_waking(tenant):
        return "provisioning"
    return "attention" if attention(tenant, now) else "running"


def _stopped_status(tenant: Recorded, now: dt.datetime) -> str:
    handed_over = tenant.sent_hash or tenant.generation == 0
    return "stopped" if handed_over and tenant.observed in ("stopped", "absent") else "stopping"


def _deleted_status(tenant: Recorded, now: dt.datetime) -> str:
    return "stopping"


_STATUS_BY_AIM = {RUNNING: _running_status, STOPPED: _stopped_status, DELETED: _deleted_status}


ROLLING = {
    "rotate": ("CERTIFICATES_ROTATE", "Certificates are exchanged: one role after the other restarts."),
    "rotate_credentials": ("CREDENTIALS_ROTATE", "Passwords are exchanged: one role after the other restarts."),
    "upgrade": ("VERSION_CHANGES", "The version changes: one role after the other restarts."),
    "resize": ("SIZES_CHANGE", "The sizes change: one role after the other restarts."),
    "content": ("CONTENT_CHANGES", "Rules, decoders and lists change. Nothing restarts."),
    "restore": ("BACKUP_RESTORES", "A backup takes the place of what is there: the nodes stop for it and start again."),
}
"""Kinds of runs that leave a tenant set up as it is, and what people are told meanwhile."""


def _rolls(tenant: Recorded) -> dict[str, str] | None:
    """What a run under way does to a tenant that is set up."""
    run = (tenant.edge_view or {}).get("run") or {}
    words = ROLLING.get(run.get("kind", "")) if is_heard(tenant) and run.get("state") == "running" else None
    return {"code": words[0], "message": words[1]} if words else None


def _not_fully_up(tenant: Recorded) -> dict[str, str] | None:
    rolls = _rolls(tenant)
    if tenant.observed == "running":
        # Until its generation is reached, what changes is told also while every node serves.
        return rolls if tenant.observed_generation < tenant.generation else None
    if tenant.observed in ("degraded", "stopping", "starting") and rolls:
        return rolls
    if tenant.observed == "unknown":
        return {"code": "UNKNOWN", "message": "The edge gave no clear answer; we are looking again."}
    reason = (tenant.edge_view or {}).get("reason") or {}
    message = reason.get("message") or f"The nodes are {tenant.observed}."
    return {"code": reason.get("code") or tenant.observed.upper(), "message": message}


def _key_missing(reason: Mapping[str, Any] | None) -> dict[str, str] | None:
    """What runs goes on, but nothing of it can be started anew."""
    if (reason or {}).get("code") != "KEY_MISSING":
        return None
    return {"code": "KEY_MISSING", "message": "The platform's key to this tenant is missing; its operator is needed."}


def _certificate_ends(certificate: Mapping[str, Any] | None, now: dt.datetime) -> dict[str, str] | None:
    ends = read_time((certificate or {}).get("not_after"))
    if ends is None or ends - now > CERTIFICATE_NOTICE:
        return None
    days = round((ends - now) / dt.timedelta(days=1))
    message = "The certificates have ended." if ends <= now else f"The certificates end in {days} days."
    return {"code": "CERTIFICATE_ENDS", "message": message}

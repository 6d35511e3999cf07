"""What a request was allowed by, so that its remembered answer can be asked for the same again.

The attack: somebody who was removed or demoted repeats an old request with its Idempotency-Key and is shown a secret
once more. Rooms tell here what they checked, and how it is checked; `controlplane.api.idempotency` keeps it with the
answer.
"""

from collections.abc import Callable
from contextvars import ContextVar

from controlplane.actor import Actor

type Check = tuple[str, str]
"""A permission, and the organization it was needed in."""

_noted: ContextVar[set[Check] | None] = ContextVar("noted", default=None)
_judges: list[Callable[[Actor, str, str], object]] = []


def judged_by(judge: Callable[[Actor, str, str], object]) -> None:
    """Registers what raises a Problem where an actor lacks a permission in an organization."""
    _judges.append(judge)


def begin() -> None:
    """Begins to collect what this request is allowed by."""
    _noted.set(set())


def note(permission: str, organization_id: str) -> None:
    """Tells that this request was allowed something. Does nothing unless somebody collects."""
    noted = _noted.get()
    if noted is not None:
        noted.add((permission, organization_id))


def collected() -> list[list[str]]:
    """Ends the collection and returns it in a form for JSON."""
    noted = _noted.get() or set()
    _noted.set(None)
    return [list(check) for check in sorted(noted)]


def demand(actor: Actor, checks: list[list[str]]) -> None:
    """Raises what the judge raises where the actor is not allowed any more what they were allowed then."""
    for permission, organization_id in checks:
        for judge in _judges:
            judge(actor, permission, organization_id)

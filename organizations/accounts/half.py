"""Somebody who gave the right password and still owes a second factor; nobody is signed in yet. Kept in the session."""

import time
from dataclasses import asdict, dataclass, field

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from organizations.models import User

SESSION_KEY = "half_signed_in"
LIFETIME_SECONDS = 600


@dataclass(frozen=True)
class Half:
    """
    Who it is, and where they wanted to go.

    `password` is a keyed digest of the one that was given: with another password this half is worth nothing.
    """

    user: str
    password: str = ""
    next: str = ""
    at: float = field(default_factory=time.time)


def remember(request: HttpRequest, half: Half) -> None:
    """Keep it for ten minutes. The session's key changes: one that was planted before the password is worthless."""
    request.session.cycle_key()
    request.session[SESSION_KEY] = asdict(half)


def current(request: HttpRequest) -> Half | None:
    """The half sign-in of this browser that is not too old."""
    stored = request.session.get(SESSION_KEY)
    if not isinstance(stored, dict):
        return None
    half = Half(**stored)
    return half if 0 <= time.time() - half.at < LIFETIME_SECONDS else None


def of(user: User, next_address: str) -> Half:
    """The half of somebody whose password was right just now."""
    return Half(user.pk, user.get_session_auth_hash(), next_address)


def still_holds(half: Half, user: User) -> bool:
    """The attack: whoever learned the password waits at the second step, and goes on after it was changed."""
    return constant_time_compare(half.password, user.get_session_auth_hash())


def forget(request: HttpRequest) -> None:
    """It became whole, or was given up."""
    request.session.pop(SESSION_KEY, None)

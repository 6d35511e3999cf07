"""
Sign-ins that this browser began and that have not come back yet, kept in its session.

The attack they stop is a sign-in that somebody else began: an answer counts only in the browser whose session holds
the attempt, only for the connection it was begun for, once, and for ten minutes. What the sign-in is for (`purpose`)
is decided here, when it begins, and never by a parameter of the answer.
"""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from django.http import HttpRequest

SESSION_KEY = "sign_in_attempts"
LIFETIME_SECONDS = 600
AT_ONCE = 8


@dataclass(frozen=True)
class Attempt:
    """
    One sign-in under way.

    `connection` is a connection's id or "platform"; `purpose` is "sign_in", "found" (sign-up), "link", "confirm" or
    "test"; `details` holds what the purpose needs (the new organization's name, the person, the test's id).
    """

    connection: str
    purpose: str = "sign_in"
    next: str = ""
    nonce: str = ""
    verifier: str = ""
    details: dict[str, str] = field(default_factory=dict)
    begun_at: float = field(default_factory=time.time)

    @property
    def is_fresh(self) -> bool:
        return 0 <= time.time() - self.begun_at < LIFETIME_SECONDS


def remember(request: HttpRequest, key: str, attempt: Attempt) -> None:
    """Keep `attempt` under the key (OIDC state, SAML request id) that its answer must carry."""
    kept = sorted(_stored(request).items(), key=lambda item: item[1].get("begun_at", 0))[-(AT_ONCE - 1) :]
    request.session[SESSION_KEY] = {**dict(kept), key: asdict(attempt)}


def take(request: HttpRequest, key: str, connection: str) -> Attempt | None:
    """The attempt under `key`, used up by this call; None if this browser began none, it is old, or for another."""
    stored = dict(_stored(request))
    found = stored.pop(key, None)
    request.session[SESSION_KEY] = stored
    if found is None:
        return None
    attempt = Attempt(**found)
    return attempt if attempt.is_fresh and attempt.connection == connection else None


def keys_for(request: HttpRequest, connection: str) -> list[str]:
    """Keys of all attempts that this browser has under way for one connection."""
    return [key for key, found in _stored(request).items() if found.get("connection") == connection]


def _stored(request: HttpRequest) -> dict[str, Any]:
    stored = request.session.get(SESSION_KEY)
    return stored if isinstance(stored, dict) else {}

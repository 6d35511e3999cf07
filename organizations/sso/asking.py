"""
Whom an organization's connection has proven although they do not belong to it: kept so that they can ask to join.

Nobody is signed in by that. It counts in the browser that came back from the provider, for that connection alone, for
half an hour.
"""

import time
from dataclasses import dataclass, field

from django.http import HttpRequest

from organizations.sso.proven import ProvenIdentity

SESSION_KEY = "may_ask_to_join"
LIFETIME_SECONDS = 1800


@dataclass(frozen=True)
class Stranger:
    """An identity as it was proven, with the connection that proved it."""

    connection: str
    provider_id: str
    uid: str
    email: str
    name: str
    at: float = field(default_factory=time.time)

    @property
    def identity(self) -> ProvenIdentity:
        return ProvenIdentity(self.provider_id, self.uid, self.email, self.name)


def remember(request: HttpRequest, connection_id: str, identity: ProvenIdentity) -> None:
    """Keeps a stranger. The session's key changes: one that was planted before the sign-in is worthless."""
    request.session.cycle_key()
    stranger = Stranger(connection_id, identity.provider_id, identity.uid, identity.email, identity.name)
    request.session[SESSION_KEY] = vars(stranger)


def current(request: HttpRequest, connection_id: str) -> ProvenIdentity | None:
    """The stranger whom this connection has proven in this browser a moment ago."""
    stored = request.session.get(SESSION_KEY)
    if not isinstance(stored, dict):
        return None
    stranger = Stranger(**stored)
    is_fresh = 0 <= time.time() - stranger.at < LIFETIME_SECONDS
    return stranger.identity if is_fresh and stranger.connection == connection_id else None

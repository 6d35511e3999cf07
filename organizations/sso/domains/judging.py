"""What a look at DNS means for a claim: decided here, carried out by the actions. Pure."""

import datetime as dt
from dataclasses import dataclass

from organizations.sso.domains.dns import Found
from organizations.sso.domains.models import Domain

GRACE = dt.timedelta(days=7)
PENDING_FOR = dt.timedelta(days=14)
LOOK_AGAIN: dict[str, dt.timedelta] = {
    Domain.State.PENDING: dt.timedelta(minutes=5),
    Domain.State.PROVEN: dt.timedelta(days=1),
    Domain.State.MISSING: dt.timedelta(hours=1),
}


@dataclass(frozen=True)
class Next:
    """The state after a look, since when the record is missing, and when to look again (None: never by itself)."""

    state: str
    missing_since: dt.datetime | None
    look_at: dt.datetime | None


def after(domain: Domain, found: Found, now: dt.datetime) -> Next:
    """
    What becomes of a claim.

    A record that is there proves, whatever was before. One that is gone counts for seven days more. Where nobody could
    be asked, everything stays as it is.
    """
    if found.there:
        return Next(Domain.State.PROVEN, None, now + LOOK_AGAIN[Domain.State.PROVEN])
    if found.there is None or not domain.counts:
        return Next(domain.state, domain.missing_since, _again(domain, now))
    since = domain.missing_since or now
    if now - since >= GRACE:
        return Next(Domain.State.WITHDRAWN, since, None)
    return Next(Domain.State.MISSING, since, now + LOOK_AGAIN[Domain.State.MISSING])


def _again(domain: Domain, now: dt.datetime) -> dt.datetime | None:
    """A claim that nobody follows up is not looked for any more; a person can still ask for a look."""
    if domain.state not in LOOK_AGAIN or (
        domain.state == Domain.State.PENDING and now - domain.created_at > PENDING_FOR
    ):
        return None
    return now + LOOK_AGAIN[domain.state]

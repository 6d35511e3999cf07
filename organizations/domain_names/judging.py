"""What a look at DNS means for a claim: decided here, carried out by the actions. Pure."""

import datetime as dt
from dataclasses import dataclass

from organizations.domain_names.claim import Claim
from organizations.domain_names.dns import Found

GRACE = dt.timedelta(days=7)
PENDING_FOR = dt.timedelta(days=14)
LOOK_AGAIN: dict[str, dt.timedelta] = {
    Claim.State.PENDING: dt.timedelta(minutes=5),
    Claim.State.PROVEN: dt.timedelta(days=1),
    Claim.State.MISSING: dt.timedelta(hours=1),
}


@dataclass(frozen=True)
class Next:
    """The state after a look, since when the record is missing, and when to look again (None: never by itself)."""

    state: str
    missing_since: dt.datetime | None
    look_at: dt.datetime | None


def after(claim: Claim, found: Found, now: dt.datetime) -> Next:
    """
    What becomes of a claim.

    A record that is there proves, whatever was before. One that is gone counts for seven days more. Where nobody could
    be asked, everything stays as it is.
    """
    if found.there:
        return Next(Claim.State.PROVEN, None, now + LOOK_AGAIN[Claim.State.PROVEN])
    if found.there is None or not claim.counts:
        return Next(claim.state, claim.missing_since, _again(claim, now))
    since = claim.missing_since or now
    if now - since >= GRACE:
        return Next(Claim.State.WITHDRAWN, since, None)
    return Next(Claim.State.MISSING, since, now + LOOK_AGAIN[Claim.State.MISSING])


def _again(claim: Claim, now: dt.datetime) -> dt.datetime | None:
    """A claim that nobody follows up is not looked for any more; a person can still ask for a look."""
    if claim.state not in LOOK_AGAIN or (claim.state == Claim.State.PENDING and now - claim.created_at > PENDING_FOR):
        return None
    return now + LOOK_AGAIN[claim.state]

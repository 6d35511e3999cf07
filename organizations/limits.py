"""Bounds on what somebody who is not signed in can make."""

from django.core.cache import cache

from controlplane.problems import Problem

SIGN_UPS_AN_HOUR = 60
HOUR_SECONDS = 3600


def count_sign_up(address: str) -> None:
    """Counts a sign-up without a person; raises a 429 Problem after 60 an hour from one network address."""
    key = f"sign-up:{address}"
    cache.add(key, 0, HOUR_SECONDS)
    try:
        made = cache.incr(key)
    except ValueError:  # it ran out between the two calls
        return
    if made > SIGN_UPS_AN_HOUR:
        raise Problem(
            "TOO_MANY_SIGN_UPS",
            status=429,
            title="Too many sign-ups",
            detail="Too many organizations were signed up from your network in the last hour.",
            hint="Nothing was made. Try again in an hour.",
            retry_after=HOUR_SECONDS,
        )

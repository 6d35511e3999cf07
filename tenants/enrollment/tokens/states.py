"""What a token's state is, as conditions on rows: the same that `EnrollmentToken.state` says of one."""

import datetime as dt

from django.db.models import F, Q
from django.utils import timezone


def not_revoked(now: dt.datetime) -> Q:
    """Tokens that no revocation has ended yet; of some the end lies ahead."""
    return Q(revoked_at=None) | Q(revoked_at__gt=now)


def being(state: str) -> Q:
    """Tokens in a state, one of STATES. The first that holds, in their order, is a token's."""
    now = timezone.now()
    kept, lives, left = not_revoked(now), Q(expires_at__gt=now), Q(uses__lt=F("max_uses"))
    return {
        "revoked": ~kept,
        "expired": kept & ~lives,
        "used_up": kept & lives & ~left,
        "active": kept & lives & left,
    }[state]


STATES = ("active", "expired", "used_up", "revoked")

"""The terms of an MSP's access: up to which role, and for how long."""

import datetime as dt

from django.utils import timezone

from controlplane.problems import Forbidden, Invalid
from organizations.permissions import ROLES, Role, may_hand_out
from organizations.standings import Standing

REVIEW_AFTER = dt.timedelta(days=180)
LONGEST_DAYS = 366


def checked_ceiling(role: str, *, field: str = "role_ceiling") -> str:
    """A role that can be a ceiling; raises Invalid naming `field`."""
    if role not in ROLES:
        raise Invalid(f"The ceiling is one of {', '.join(Role.values)}.", field=field)
    return role


def given_ceiling(standing: Standing, role: str, *, field: str = "role_ceiling") -> str:
    """
    A ceiling that the asker may give: it can do no more than they. Raises Invalid naming `field`, Forbidden.

    The attack: `organization.manage` alone, as a role of one's own or a leaked key, lets an MSP in as an owner.
    """
    if not may_hand_out(standing.permissions, checked_ceiling(role, field=field)):
        label = Role(role).label
        raise Forbidden(f"You can't let anybody in up to {label}: that can do more than you. Nothing was changed.")
    return role


def checked_days(days: int | None) -> int | None:
    """For how long access is; raises Invalid."""
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"Access lasts between 1 and {LONGEST_DAYS} days, or stands until it is reviewed.", field="days")
    return days


def until(days: int | None) -> dict[str, dt.datetime | None]:
    """The end of access for some days, or the review of one that stands."""
    now = timezone.now()
    if days is None:
        return {"ends_at": None, "review_at": now + REVIEW_AFTER}
    return {"ends_at": now + dt.timedelta(days=days), "review_at": None}

"""The platform's own staff: who they are, and when they may look at every organization's rows."""

import datetime as dt

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid
from organizations.actions import trail
from organizations.addresses import checked_address
from organizations.models import StaffGrant, User
from organizations.models.user import new_user_id

LONGEST_HOURS = 8
SHORTEST_PASSWORD = 16


def staff_of_address(address: str) -> list[str]:
    """Ids of active staff with that verified address: one or none."""
    rows = rls.call(
        "organizations_staff_of_address",
        address,
        otherwise=lambda: User.objects.filter(
            email__iexact=address, email_verified=True, is_staff=True, is_active=True
        ).values("id"),
    )
    return [row["id"] for row in rows]


def make(*, by: Actor, email: str, password: str) -> User:
    """Make an account of the platform's staff, which opens nothing by itself. Raises Invalid, Conflict, Forbidden."""
    _only_the_operator(by)
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(f"The password has at least {SHORTEST_PASSWORD} characters.", field="password")
    address = checked_address(email)
    if staff_of_address(address):
        raise Conflict("Somebody of the staff has this address already. Nothing was made.", code="ALREADY_STAFF")
    user_id = new_user_id()
    with rls.acting_as(f"user:{user_id}"):
        user = User.objects.create_superuser(address, password, id=user_id)
        trail.record(by, None, "organizations.staff.create", user.pk, email=user.email)
    return user


def grant(*, by: Actor, user_id: str, reason: str, hours: int) -> StaffGrant:
    """Let a member of the staff see every organization in the admin site for some hours. Raises Invalid, Forbidden."""
    _only_the_operator(by)
    if not 1 <= hours <= LONGEST_HOURS:
        raise Invalid(f"A staff grant lasts between 1 and {LONGEST_HOURS} hours.", field="hours")
    if not 10 <= len(reason.strip()) <= 500:
        raise Invalid("Say in 10 to 500 characters what it is for, such as a ticket and its subject.", field="reason")
    ends_at = timezone.now() + dt.timedelta(hours=hours)
    with rls.acting_as(rls.PLATFORM):
        made = StaffGrant.objects.create(user_id=user_id, reason=reason.strip(), ends_at=ends_at)
        trail.record(by, None, "organizations.staff.grant", user_id, reason=made.reason, ends_at=ends_at.isoformat())
    return made


def end(*, by: Actor, user_id: str) -> int:
    """End every grant of a member of the staff at once; returns how many there were."""
    _only_the_operator(by)
    now = timezone.now()
    with rls.acting_as(rls.PLATFORM):
        ended = StaffGrant.objects.filter(user_id=user_id, ends_at__gt=now).update(ends_at=now)
        if ended:
            trail.record(by, None, "organizations.staff.end", user_id)
    return ended


def may_look(user_id: str) -> bool:
    """Whether a member of the staff has a grant that has not ended."""
    with rls.reading_as(f"user:{user_id}"):
        return StaffGrant.objects.filter(user_id=user_id, ends_at__gt=timezone.now()).exists()


def _only_the_operator(by: Actor) -> None:
    """Staff come about on the operator's command line only: no page or API leads here."""
    if by.kind != "system" or by.organization_id is not None:
        raise Forbidden("Only the operator's command line makes staff.")

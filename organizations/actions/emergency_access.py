"""
Break into a client in an emergency: with a reason, for an hour at most, and never unseen.

A client allows it by a ceiling for emergencies beside the one of every day; none is the default, since nobody of the
client decides at that moment. Without a grant there is nothing to break into: a client that withdrew stays closed.
"""

import contextlib

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import owner_notices
from organizations.access import require, require_own
from organizations.actions import facts
from organizations.actions.grants import record
from organizations.models import EmergencyAccess, Grant, Organization, User
from organizations.models.access_request import LONGEST_REASON
from organizations.permissions import Role
from organizations.standings import current, through_grants

SHORTEST_REASON = 10


def begin(*, by: Actor, client: Organization, grant_id: str, reason: str) -> EmergencyAccess:
    """
    Work in a client up to its ceiling for emergencies, for an hour. All its owners are told by mail.

    Raises Conflict for a grant that is not the asker's, where the client allows none and where one goes on, Invalid for
    a reason that says nothing, Forbidden for keys.
    """
    if not any(each.grant_id == grant_id for each in through_grants(by, client)):
        raise Conflict(
            "You don't work here by this grant of a service provider. Nothing was opened.", code="NOT_BY_THIS_GRANT"
        )
    if by.kind != "user":
        raise Forbidden("Only a person can break into a client. Nothing was opened.")
    grant = Grant.objects.select_related("msp").get(pk=grant_id)
    require(by, "client.emergency", grant.msp_id, confirmed=True)
    told = _checked(reason)
    with rls.acting_as(f"org:{grant.client_id}"):
        held = Grant.objects.select_for_update().filter(current(), pk=grant_id).first()
        if held is None or not held.emergency_ceiling:
            raise Conflict(
                "This client allows no emergency access. Nothing was opened.",
                code="EMERGENCY_NOT_ALLOWED",
                hint="Ask one of its owners, who can allow it on “Access by others”.",
            )
        if EmergencyAccess.objects.filter(EmergencyAccess.running(), grant=held, user_id=by.user_id).exists():
            raise Conflict("Your emergency access goes on already.", code="EMERGENCY_GOES_ON")
        made = EmergencyAccess.objects.create(
            grant=held,
            client_id=held.client_id,
            msp_id=held.msp_id,
            user_id=by.user_id,
            reason=told,
            ends_at=min(timezone.now() + EmergencyAccess.LASTS, held.lapses_at),
        )
        _record(by, made, held, "begin", reason=told)
        _tell(by, grant, made, client)
    return made


def end(*, by: Actor, emergency: EmergencyAccess) -> None:
    """End an emergency before its hour, from either side; dashboards and streams that the person opened close."""
    if not _may_end(by, emergency):
        raise Forbidden("Only the client's owners, the person themselves and the MSP's managers end it.")
    close(by=by, emergency=emergency)


def close(*, by: Actor, emergency: EmergencyAccess) -> bool:
    """End it, whoever asks; returns whether it went on. The caller has asked whether they may."""
    with rls.acting_as(f"org:{emergency.client_id}"):
        running = EmergencyAccess.objects.filter(EmergencyAccess.running(), pk=emergency.pk)
        if not running.update(ended_at=timezone.now()):
            return False
        facts.publish(facts.EMERGENCY_ENDED, organization_id=emergency.client_id, user=emergency.user_id)
        _record(by, emergency, Grant.objects.get(pk=emergency.grant_id), "end", user=emergency.user_id)
    return True


def _may_end(by: Actor, emergency: EmergencyAccess) -> bool:
    if by.user_id == emergency.user_id and by.kind == "user":
        return True
    sides = ((emergency.client_id, "organization.manage"), (emergency.msp_id, "client.manage"))
    for organization_id, permission in sides:
        with contextlib.suppress(NotFound, Forbidden):
            require_own(by, permission, organization_id)
            return True
    return False


def _checked(reason: str) -> str:
    told = " ".join(reason.split())[:LONGEST_REASON]
    if len(told) < SHORTEST_REASON:
        raise Invalid("Say in a sentence why: the client reads it.", field="reason")
    return told


def _record(by: Actor, made: EmergencyAccess, grant: Grant, verb: str, **data: str) -> None:
    known = {"emergency": made.pk, "ceiling": grant.emergency_ceiling, "until": made.ends_at.isoformat(), **data}
    record(by, grant, f"organizations.emergency_access.{verb}", grant_id=grant.pk, **known)


def _tell(by: Actor, grant: Grant, made: EmergencyAccess, client: Organization) -> None:
    with rls.reading_as(f"user:{by.user_id}"):
        person = User.objects.get(pk=by.user_id)
    owner_notices.tell_owners(
        client,
        "emergency_access",
        person=str(person),
        email=person.email,
        msp=grant.msp.name,
        role=Role(grant.emergency_ceiling).label.lower(),
        reason=made.reason,
        until=f"{made.ends_at:%H:%M} UTC",
    )

"""
The client's reviews of an MSP's access, and what the clock does where nobody reviews.

A standing grant has a date of review. On it both sides are told by mail; 30 days later the grant ends by itself. A
client that nobody owns yet, as one its MSP has just founded, has nobody who could review: its date moves on.
"""

import datetime as dt

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden
from organizations import owner_notices
from organizations.access import require
from organizations.actions import facts
from organizations.actions.grants import REVIEW_AFTER, checked_days, end_lapsed, given_ceiling, record, side_of, until
from organizations.models import Grant, Membership, Organization
from organizations.permissions import ROLES, Role


def review(
    *, by: Actor, grant: Grant, role_ceiling: str, days: int | None = None, emergency_ceiling: str | None = None
) -> Grant:
    """
    Say anew, in the client's name, up to which role and for how long an MSP has access: less, the same or more.

    Args: days: for how long from now; None is standing, with the next review in 180 days; emergency_ceiling: the
    ceiling in an emergency, empty for none, None to leave it as it is.
    Raises Forbidden on the MSP's side and for a ceiling above the asker's own reach, Conflict for a grant that has
    ended, Invalid naming the field.
    """
    if side_of(by, grant, confirmed=True) != "client":
        raise Forbidden("Only the client reviews who has access. Nothing was changed.")
    standing = require(by, "organization.manage", grant.client_id)
    ceiling, lasting = given_ceiling(standing, role_ceiling), until(checked_days(days))
    if emergency_ceiling:
        given_ceiling(standing, emergency_ceiling, field="emergency_ceiling")
    with rls.acting_as(f"org:{grant.client_id}"):
        held = Grant.objects.select_for_update().filter(pk=grant.pk, state=Grant.State.ACTIVE).first()
        if held is None:
            raise Conflict("This access has ended already. Nothing was changed.", code="GRANT_ENDED")
        before, lapsed = held.role_ceiling, held.lapses_at
        held.role_ceiling, held.review_told_at = ceiling, None
        held.ends_at, held.review_at = lasting["ends_at"], lasting["review_at"]
        opened, held.emergency_ceiling = held.emergency_ceiling, _or(emergency_ceiling, held.emergency_ceiling)
        held.save(update_fields=["role_ceiling", "emergency_ceiling", "review_told_at", "ends_at", "review_at"])
        # What is open at the edge was opened under the former terms: where they were wider, it ends.
        less = not ROLES[before] <= ROLES[ceiling] or _less(opened, held.emergency_ceiling)
        if less or held.lapses_at < lapsed:
            facts.publish(facts.GRANT_LIMITED, organization_id=held.client_id, grant=held.pk)
        record(
            by, held, "organizations.grant.review", before=before, emergency_ceiling=held.emergency_ceiling or "none"
        )
    return held


def _or(given: str | None, kept: str) -> str:
    return kept if given is None else given


def _less(before: str, after: str) -> bool:
    return bool(before) and not (after and ROLES[before] <= ROLES[after])


def due(at: dt.datetime) -> list[dict[str, str]]:
    """Grants that have something to be told or done about: id and client."""
    with rls.acting_as(""):
        found: list[dict[str, str]] = rls.call("organizations_grants_due", at, otherwise=lambda: list(_on_sqlite(at)))
    return found


def look(client_id: str, grant_id: str, at: dt.datetime) -> str:
    """Do what is due about one grant; returns "ended", "carried", "told", or empty where nothing is due."""
    with rls.acting_as(f"org:{client_id}"):
        grant = Grant.objects.select_for_update().filter(pk=grant_id, state=Grant.State.ACTIVE).first()
        if grant is None:
            return ""
        reviewed = grant.review_at is not None and grant.review_at <= at
        if reviewed and grant.ends_at is None and not _has_owner(client_id):
            return _carry(grant, at)
        if grant.lapses_at <= at:
            return _end(grant, at)
        return _tell(grant, at) if reviewed and grant.review_told_at is None else ""


def _carry(grant: Grant, at: dt.datetime) -> str:
    grant.review_at = at + REVIEW_AFTER
    grant.save(update_fields=["review_at"])
    record(_clock(grant), grant, "organizations.grant.carry", review_at=grant.review_at.isoformat())
    return "carried"


def _end(grant: Grant, at: dt.datetime) -> str:
    end_lapsed(grant, at)
    _tell_both(grant, "grant_ended", reviewed=grant.ends_at is None)
    return "ended"


def _tell(grant: Grant, at: dt.datetime) -> str:
    grant.review_told_at = at
    grant.save(update_fields=["review_told_at"])
    record(_clock(grant), grant, "organizations.grant.review_due")
    _tell_both(grant, "grant_review", ends=f"{grant.lapses_at:%-d %B %Y}")
    return "told"


def _tell_both(grant: Grant, template: str, **context: object) -> None:
    client = Organization.objects.get(pk=grant.client_id)
    with rls.acting_as(f"org:{grant.msp_id}"):
        msp = Organization.objects.get(pk=grant.msp_id)
        known = {"client": client.name, "msp": msp.name, "role": Role(grant.role_ceiling).label.lower(), **context}
        owner_notices.tell_owners(msp, template, is_client=False, **known)
    owner_notices.tell_owners(client, template, is_client=True, **known)


def _has_owner(client_id: str) -> bool:
    return Membership.objects.filter(organization_id=client_id, role=Role.OWNER, blocked_at=None).exists()


def _clock(grant: Grant) -> Actor:
    return Actor.system("looking for access to be reviewed", organization_id=grant.client_id)


def _on_sqlite(at: dt.datetime) -> list[dict[str, str]]:
    return [
        {"id": grant.pk, "organization_id": grant.client_id}
        for grant in Grant.objects.filter(state=Grant.State.ACTIVE)
        if grant.lapses_at <= at or (grant.review_at and grant.review_at <= at and not grant.review_told_at)
    ]

"""
An MSP's access to a client: up to which role and for how long, limited or ended from either side.

It is given by an answer to a request, or with a client that the MSP founds.
"""

import datetime as dt
from typing import Any

from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.access import NotConfirmed, require_own
from organizations.actions import facts
from organizations.models import Grant
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


def refuse_cycle(msp_id: str, client_id: str) -> None:
    """Raises Conflict where the client manages the MSP already, over any number of grants: RLS hides most of them."""
    rows = rls.call(
        "organizations_manages", client_id, msp_id, otherwise=lambda: [{"found": _manages(client_id, msp_id)}]
    )
    if rows[0]["found"]:
        raise Conflict(
            "This MSP is managed, directly or through others, by your organization. Nothing was changed.",
            code="GRANT_CYCLE",
            hint="End your own access to it first; nobody manages whoever manages them.",
        )


def _manages(above: str, below: str) -> bool:
    reached, edge = {above}, {above}
    while edge and below not in reached:
        grants = Grant.objects.filter(state=Grant.State.ACTIVE, msp_id__in=edge)
        edge = set(grants.values_list("client_id", flat=True)) - reached
        reached |= edge
    return below in reached


def limit_grant(
    *, by: Actor, grant: Grant, role_ceiling: str | None = None, ends_at: dt.datetime | None = None
) -> Grant:
    """
    Lower a grant's ceiling or set its end, from the client's side or the MSP's. It is never widened here.

    An end of now is a withdrawal, so it is as dangerous as one. Raises Forbidden for a widening, Conflict for a grant
    that has ended.
    """
    side = side_of(by, grant, confirmed=True)
    ceiling = None if role_ceiling is None else checked_ceiling(role_ceiling)
    with rls.acting_as(f"org:{grant.client_id}"):
        held = Grant.objects.select_for_update().filter(pk=grant.pk, state=Grant.State.ACTIVE).first()
        if held is None:
            raise Conflict("This access has ended already. Nothing was changed.", code="GRANT_ENDED")
        if ceiling is not None and not may_hand_out(ROLES[held.role_ceiling], ceiling):
            raise Forbidden("A grant can't be widened: end it and let the client give a new one.")
        if ends_at is not None and held.ends_at is not None and ends_at > held.ends_at:
            raise Forbidden("A grant can't be lengthened: end it and let the client give a new one.")
        held.role_ceiling = ceiling or held.role_ceiling
        held.ends_at = ends_at or held.ends_at
        held.save(update_fields=["role_ceiling", "ends_at"])
        facts.publish(facts.GRANT_LIMITED, organization_id=held.client_id, grant=held.pk)
        record(by, held, "organizations.grant.limit", side=side)
    return held


def withdraw(*, by: Actor, grant: Grant) -> Grant:
    """End an MSP's access to a client at once, from either side. Raises NotFound, Forbidden."""
    side = side_of(by, grant, confirmed=True)
    now = timezone.now()
    with rls.acting_as(f"org:{grant.client_id}"):
        ended = Grant.objects.filter(pk=grant.pk, state=Grant.State.ACTIVE).update(
            state=Grant.State.WITHDRAWN, withdrawn_at=now
        )
        grant.refresh_from_db()
        if not ended:
            return grant
        facts.publish(facts.GRANT_ENDED, organization_id=grant.client_id, grant=grant.pk)
        record(by, grant, "organizations.grant.withdraw", side=side)
    return grant


def end_lapsed(grant: Grant, at: dt.datetime) -> None:
    """Write down that a grant ended by itself, in the caller's transaction, as the client."""
    grant.state, grant.withdrawn_at = Grant.State.ENDED, at
    grant.save(update_fields=["state", "withdrawn_at"])
    facts.publish(facts.GRANT_ENDED, organization_id=grant.client_id, grant=grant.pk)
    clock = Actor.system("its time was over", organization_id=grant.client_id)
    record(clock, grant, "organizations.grant.end")


def side_of(by: Actor, grant: Grant, *, confirmed: bool = False) -> str:
    """
    `msp` or `client`: from which side the asker may decide about the grant.

    Args: confirmed: it is as dangerous as `access.require` has it.
    Whoever is in the client only through the grant itself decides as the MSP, never in the client's name.
    """
    refusals: list[Exception] = []
    for side, organization_id, permission in (
        ("client", grant.client_id, "organization.manage"),
        ("msp", grant.msp_id, "client.manage"),
    ):
        try:
            require_own(by, permission, organization_id, confirmed=confirmed)
            return side
        except NotConfirmed:
            raise
        except (NotFound, Forbidden) as refusal:
            refusals.append(refusal)
    raise next((refusal for refusal in refusals if isinstance(refusal, Forbidden)), NotFound())


def record(by: Actor, grant: Grant, action: str, *, grant_id: str | None = None, **data: Any) -> None:
    """
    Append what happened to a grant to both sides' trails, in the caller's transaction.

    Args: grant_id: where the asker acted under the grant itself.
    """
    known = {
        "msp": grant.msp_id,
        "client": grant.client_id,
        "role_ceiling": grant.role_ceiling,
        "ends_at": grant.ends_at.isoformat() if grant.ends_at else "",
        **data,
    }
    for organization_id in (grant.client_id, grant.msp_id):
        with rls.acting_as(f"org:{organization_id}"):
            audit.record(
                by=by, action=action, organization_id=organization_id, target=grant.pk, data=known, grant_id=grant_id
            )

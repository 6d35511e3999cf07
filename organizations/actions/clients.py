"""An MSP's clients: found one, limit or end the MSP's access to it."""

import datetime as dt
from typing import Any

from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, NotFound
from organizations.access import NotConfirmed, require_own
from organizations.actions import facts
from organizations.actions.founding import checked_name, insert_organization
from organizations.actions.terms import REVIEW_AFTER, checked_ceiling
from organizations.models import Grant, Organization
from organizations.permissions import ROLES, Role, may_hand_out


def create_client(*, by: Actor, msp: Organization, name: str, role_ceiling: str = Role.ADMIN) -> Organization:
    """
    Found an organization that the MSP manages, with a standing grant to be reviewed in 180 days.

    Raises Forbidden for an organization that is no MSP, Invalid for the name.
    """
    require_own(by, "client.manage", msp)
    if not msp.is_msp:
        raise Forbidden("Only a managed service provider has clients. Nothing was made.")
    ceiling = checked_ceiling(role_ceiling)
    client = Organization(name=checked_name(name), created_by_id=by.user_id or None)
    with rls.acting_as(f"org:{client.pk}"):
        insert_organization(by=by, organization=client, way="msp")
        grant = Grant.objects.create(
            msp=msp, client=client, role_ceiling=ceiling, review_at=timezone.now() + REVIEW_AFTER
        )
        record(by, grant, "organizations.grant.create")
    return client


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

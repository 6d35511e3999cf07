"""Choose to work in a client, and leave it again: both are in both sides' trails."""

from dataclasses import replace

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations.actions import facts
from organizations.actions.clients import record
from organizations.models import Grant, Organization
from organizations.standings import through_grants


def begin(*, by: Actor, client: Organization, grant_id: str) -> Grant:
    """Say that the asker works in a client now, under one grant. Raises NotFound for any other than theirs."""
    standing = next((each for each in through_grants(by, client) if each.grant_id == grant_id), None)
    if standing is None:
        raise NotFound
    grant = Grant.objects.get(pk=grant_id)
    chosen = replace(by, working=(grant.pk, grant.msp_id))
    with rls.acting_as(f"org:{grant.client_id}"):
        record(chosen, grant, "organizations.work.begin", grant_id=grant.pk, role=standing.role or "")
    return grant


def leave(*, by: Actor) -> Grant | None:
    """
    Say that the asker works there no longer; returns what they worked under, None where they worked nowhere.

    What this session opened there at the edge closes.
    """
    if by.working is None:
        return None
    with rls.acting_as(f"org:{by.working[1]}"):
        grant = Grant.objects.filter(pk=by.working[0]).first()
        if grant is not None:
            record(by, grant, "organizations.work.end", grant_id=grant.pk)
            facts.publish(
                facts.WORK_ENDED, organization_id=grant.client_id, user=by.user_id, session=by.session_id or ""
            )
    return grant

"""Choose to work in a client, and leave it again: both are in both sides' trails."""

from dataclasses import replace

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations.actions import facts
from organizations.actions.grants import record
from organizations.models import Grant, Organization
from organizations.standings import through_grants


def begin(*, by: Actor, client: Organization, grant_id: str) -> Grant:
    """
    Say that the asker works in a client now, under one grant, and in no other any more.

    What they opened in the other at the edge stays open: whoever watches several clients goes to and fro. Raises
    NotFound for a grant that is not theirs.
    """
    standing = next((each for each in through_grants(by, client) if each.grant_id == grant_id), None)
    if standing is None:
        raise NotFound
    if by.working and by.working[0] != grant_id:
        _end(by, by.working)
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
    grant = _end(by, by.working) if by.working else None
    if grant is not None:
        with rls.acting_as(f"org:{grant.msp_id}"):
            facts.publish(
                facts.WORK_ENDED, organization_id=grant.client_id, user=by.user_id, session=by.session_id or ""
            )
    return grant


def _end(by: Actor, chosen: tuple[str, str]) -> Grant | None:
    grant_id, msp_id = chosen
    with rls.acting_as(f"org:{msp_id}"):
        grant = Grant.objects.filter(pk=grant_id).first()
        if grant is not None:
            record(by, grant, "organizations.work.end", grant_id=grant.pk)
    return grant

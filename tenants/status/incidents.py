"""Incidents and maintenance of the platform: what staff write, and what stage the clock brings."""

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from controlplane import outbox, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.actions import trail
from tenants.status import components
from tenants.status.models import Incident, IncidentUpdate

State = Incident.State

TOLD = "tenants.status.told"
"""The fact that staff said something about an incident."""
OF_INCIDENTS = (State.INVESTIGATING, State.IDENTIFIED, State.MONITORING, State.RESOLVED)
OF_MAINTENANCE = (State.SCHEDULED, State.MONITORING, State.RESOLVED)
UNDER_WAY, OVERDUE = "under way", "takes longer"


@transaction.atomic
def open_incident(
    *, by: Actor, title: str, text: str, affects: Sequence[str], state: str = State.INVESTIGATING
) -> Incident:
    """Tell everybody of an incident. Args: affects: keys of components. Raises Forbidden, Invalid."""
    _only_staff(by)
    now = timezone.now()
    return _write(by, Incident(kind=Incident.Kind.INCIDENT, title=title, begins_at=now), text, affects, state)


@transaction.atomic
def schedule(
    *, by: Actor, title: str, text: str, affects: Sequence[str], begins_at: dt.datetime, ends_at: dt.datetime
) -> Incident:
    """Announce maintenance. Raises Forbidden, Invalid where it has begun already or ends before it begins."""
    _only_staff(by)
    if begins_at <= timezone.now():
        raise Invalid("Maintenance is announced before it begins.", field="begins_at")
    if ends_at <= begins_at:
        raise Invalid("Maintenance ends after it begins.", field="ends_at")
    made = Incident(kind=Incident.Kind.MAINTENANCE, title=title, begins_at=begins_at, ends_at=ends_at)
    return _write(by, made, text, affects, State.SCHEDULED)


@transaction.atomic
def update(*, by: Actor, incident_id: str, state: str, text: str) -> Incident:
    """Say how it goes on. Raises Forbidden, NotFound, Invalid, and Conflict for what is resolved already."""
    _only_staff(by)
    incident = Incident.objects.select_for_update().filter(pk=incident_id).first()
    if incident is None:
        raise NotFound("There is no such incident.")
    if incident.resolved_at is not None:
        raise Conflict("This incident is resolved. Nothing was changed.", hint="Open another one.")
    _say(incident, state, text)
    trail.record(by, None, "tenants.incident.change", incident.pk, title=incident.title, state=state)
    return incident


def stage_of(incident: Incident, now: dt.datetime) -> str:
    """How far it is in a word: its state, and of maintenance what the clock says."""
    if incident.kind == Incident.Kind.INCIDENT or incident.resolved_at or incident.ends_at is None:
        return incident.state
    if now < incident.begins_at:
        return State.SCHEDULED
    return UNDER_WAY if now < incident.ends_at else OVERDUE


def _write(by: Actor, incident: Incident, text: str, affects: Sequence[str], state: str) -> Incident:
    known = {each.key for each in components.everything()}
    unknown = sorted(set(affects) - known)
    if unknown or not affects:
        raise Invalid(f"Expected some of {', '.join(sorted(known))}.", field="affects")
    if not 3 <= len(incident.title.strip()) <= 120:
        raise Invalid("A title has 3 to 120 characters.", field="title")
    incident.title, incident.components = incident.title.strip(), list(dict.fromkeys(affects))
    _say(incident, state, text)
    facts = {"title": incident.title, "components": incident.components}
    verb = "open" if incident.kind == Incident.Kind.INCIDENT else "schedule"
    trail.record(by, None, f"tenants.incident.{verb}", incident.pk, **facts)
    return incident


def _say(incident: Incident, state: str, text: str) -> None:
    allowed = OF_MAINTENANCE if incident.kind == Incident.Kind.MAINTENANCE else OF_INCIDENTS
    if state not in allowed:
        raise Invalid(f"Expected one of {', '.join(allowed)}.", field="state")
    if not 1 <= len(text.strip()) <= 2000:
        raise Invalid("Say in 1 to 2,000 characters what is known.", field="text")
    incident.state = state
    incident.resolved_at = timezone.now() if state == State.RESOLVED else None
    incident.save()
    said = IncidentUpdate.objects.create(incident=incident, state=state, text=text.strip())
    with rls.acting_as(rls.PLATFORM):
        outbox.publish(TOLD, key=said.pk, organization_id=None, payload={"update": said.pk, "after": ""})


def _only_staff(by: Actor) -> None:
    """Incidents are written on the operator's command line only: no page or API leads here."""
    if by.kind != "system" or by.organization_id is not None:
        raise Forbidden("Only the operator's command line writes incidents.")

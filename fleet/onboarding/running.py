"""
Brings in the clients of files: level-triggered, from rows alone.

1. Beat asks which files are due and wakes a look at each; a lost wake-up costs seconds.
2. A look makes one client a transaction under the file's lock, until no line is left. The client and the note that it
   was made are one transaction, so none is made twice; one whose external id is there already is not made again.

Each is made as the person behind the file, with what they may do at that moment. A line that fails holds up no other.
"""

import datetime as dt

import structlog
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Problem
from fleet.onboarding.actions import Onboarded, onboard
from fleet.onboarding.imports import known_ids
from fleet.onboarding.models import ClientImport, ClientImportLine
from fleet.onboarding.queries import counts_of
from fleet.onboarding.wanted import Wanted
from organizations.actions import trail
from organizations.keys.authentication import acting_for

log = structlog.get_logger(__name__)

BATCH = 100
AGAIN = dt.timedelta(minutes=2)
"""When a file is looked at again whose worker died over it."""
UNFORESEEN = (
    "Something went wrong on our side, and nothing was made of this line. Retry it; if it fails again, tell support "
    "the file's number {batch}."
)
KNOWN = "A client of yours has this id already. Nothing was made."

State = ClientImportLine.State


def due() -> list[dict[str, str]]:
    """Files to be looked at now: `id` and `organization_id` of each."""
    now = timezone.now()
    return rls.call("client_imports_due", now, BATCH, otherwise=lambda: _due(now))


def look(organization_id: str, import_id: str) -> None:
    """Do all that there is to do now of one file."""
    while _did_something(organization_id, import_id):
        pass


def _did_something(organization_id: str, import_id: str) -> bool:
    with rls.acting_as(f"org:{organization_id}"):
        running = ClientImport.objects.select_for_update(of=("self",)).select_related("organization")
        batch = running.filter(pk=import_id, state=ClientImport.State.RUNNING).first()
        if batch is None:
            return False
        line = batch.lines.filter(state=State.PENDING).order_by("number").first()
        if line is None:
            _finish(batch)
            return False
        _make(batch, line)
        batch.look_at = timezone.now() + AGAIN
        batch.save(update_fields=["look_at"])
        return True


def _make(batch: ClientImport, line: ClientImportLine) -> None:
    try:
        made = _onboarded(batch, Wanted.read(line.wanted))
    except Problem as problem:
        log.info("client_not_made", batch=batch.pk, line=line.number, code=problem.code)
        _end(line, State.FAILED, problem.detail)
    except Exception:  # whatever it is, the lines behind this one have their turn
        log.exception("client_not_made", batch=batch.pk, line=line.number)
        _end(line, State.FAILED, UNFORESEEN.format(batch=batch.pk))
    else:
        if made is None:
            _end(line, State.DONE, KNOWN)
            return
        line.client_id, line.tenant_id = made.client.pk, made.tenant.pk if made.tenant else ""
        _end(line, State.DONE, " ".join(made.not_had))


def _onboarded(batch: ClientImport, wanted: Wanted) -> Onboarded | None:
    """What was made of one line; None where its client is there already."""
    if known_ids(batch.organization, [wanted.external_id]):
        return None
    actor = acting_for(batch.acts_as, batch.acts_with, request_id=batch.pk, address=batch.acted_from)
    with rls.acting_as(actor.rls_actor):
        return onboard(by=actor, msp=batch.organization, wanted=wanted, with_token=False)


def _end(line: ClientImportLine, state: str, reason: str) -> None:
    line.state, line.reason, line.ended_at = state, reason[:500], timezone.now()
    line.save(update_fields=["state", "reason", "ended_at", "client_id", "tenant_id"])


def _finish(batch: ClientImport) -> None:
    batch.state, batch.look_at, batch.finished_at = ClientImport.State.FINISHED, None, timezone.now()
    batch.save(update_fields=["state", "look_at", "finished_at"])
    counts = counts_of([batch]).get(batch.pk, {})
    told = {state.value: counts.get(state, 0) for state in (State.DONE, State.FAILED)}
    by = Actor.system("no line was left", organization_id=batch.organization_id)
    trail.record(by, batch.organization_id, "fleet.client_import.finish", batch.pk, name=batch.name, **told)


def _due(now: dt.datetime) -> list[dict[str, str]]:
    rows = ClientImport.objects.filter(look_at__lte=now).order_by("look_at")
    return [{"id": row.pk, "organization_id": row.organization_id} for row in rows[:BATCH]]

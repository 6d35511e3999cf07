"""
What people ask of files of clients: what one would do, begin, try the failed ones again.

A file lets people in by the hundred, so all of it takes what letting one in takes: a proof of who is at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.celery import wake_on_commit
from controlplane.problems import Conflict, FieldError, Invalid
from fleet.client_templates import queries as templates
from fleet.onboarding.lines import Line, read
from fleet.onboarding.models import ClientImport, ClientImportLine
from organizations import access
from organizations.actions import trail
from organizations.models import ClientName, Organization
from tenants.provisioning.wakeups import BULK

MOST_TOLD = 50
"""Faults that a refusal names; the preview names all of them."""


@dataclass(frozen=True)
class Foreseen:
    """What would become of one line. `is_known`: its external id is a client's already, so nothing would be made."""

    line: Line
    is_known: bool


def preview(*, by: Actor, msp: Organization, text: str) -> list[Foreseen]:
    """What a file would make, line by line. Nothing is made. Raises Invalid for what is no such file, Conflict."""
    access.require_managing_clients(by, msp, confirmed=True)
    lines = read(text, templates.all_of(msp.pk))
    known = known_ids(msp, [line.wanted.external_id for line in lines])
    return [Foreseen(line, line.wanted.external_id in known) for line in lines]


@transaction.atomic
def start(*, by: Actor, msp: Organization, text: str, name: str = "") -> ClientImport:
    """
    Have the clients of a file brought in, line by line. Args: name: of the file, for people.

    Raises Invalid naming lines and columns where anything is wrong: then nothing is made of any line.
    """
    standing = access.require_managing_clients(by, msp, confirmed=True)
    lines = read(text, templates.all_of(msp.pk))
    if faulty := [line for line in lines if line.faults]:
        raise Invalid(f"{len(faulty)} lines need mending. Nothing was made.", errors=_told(faulty))
    batch = ClientImport(organization=msp, name=name.strip()[:120] or "Clients", created_by=by.user_id)
    _wake(batch, by)
    ClientImportLine.objects.bulk_create(
        ClientImportLine(organization=msp, batch=batch, number=line.number, wanted=line.wanted.as_json())
        for line in lines
    )
    trail.record(by, standing, "fleet.client_import.start", batch.pk, name=batch.name, clients=len(lines))
    return batch


@transaction.atomic
def retry(*, by: Actor, batch: ClientImport) -> ClientImport:
    """Try what failed once more, as who asks now. Raises Conflict where nothing has, or something is under way."""
    standing = access.require_managing_clients(by, batch.organization, confirmed=True)
    batch = ClientImport.objects.select_for_update(of=("self",)).select_related("organization").get(pk=batch.pk)
    failed = batch.lines.filter(state=ClientImportLine.State.FAILED)
    count = failed.count()
    if batch.state == ClientImport.State.RUNNING or not count:
        raise Conflict("No line of it has failed, or it is under way. Nothing was begun.", code="NOT_POSSIBLE_NOW")
    failed.update(state=ClientImportLine.State.PENDING, reason="", ended_at=None)
    batch.finished_at = None
    _wake(batch, by)
    trail.record(by, standing, "fleet.client_import.retry", batch.pk, name=batch.name, clients=count)
    return batch


def known_ids(msp: Organization, external_ids: Sequence[str]) -> set[str]:
    """Which of these ids clients of the MSP have. The caller has found the MSP as who is asking."""
    held = templates.with_access(msp.pk).values("client_id")
    named = ClientName.objects.filter(organization=msp, client__in=held, external_id__in=filter(None, external_ids))
    return set(named.values_list("external_id", flat=True))


def _told(faulty: Sequence[Line]) -> list[FieldError]:
    """Faults as `lines.4.name`."""
    found = [
        FieldError(".".join(filter(None, ("lines", str(line.number), fault.field))), fault.message)
        for line in faulty
        for fault in line.faults
    ]
    return found[:MOST_TOLD]


def _wake(batch: ClientImport, by: Actor) -> None:
    """Save it as under way under the authority of whoever asks, and have it looked at once this has committed."""
    from fleet.onboarding.tasks import look_at_import  # here, because the task calls what calls this

    batch.state, batch.look_at = ClientImport.State.RUNNING, timezone.now()
    batch.acts_as, batch.acts_with, batch.acted_from = by.user_id, by.key_id or "", by.address
    batch.save()
    wake_on_commit(look_at_import, batch.organization_id, batch.pk, queue=BULK)

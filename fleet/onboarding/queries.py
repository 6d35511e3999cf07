"""Reads of files of clients. Every one takes who is asking."""

from collections.abc import Iterable

from django.db.models import Count, QuerySet

from controlplane.actor import Actor
from controlplane.problems import Malformed, NotFound
from fleet.onboarding.models import ClientImport, ClientImportLine
from organizations import access
from organizations.models import Organization


def imports_of(actor: Actor, msp: Organization) -> QuerySet[ClientImport]:
    """The MSP's files, the newest first. Who may bring clients in sees them: they name people and clients of all."""
    access.require(actor, "client.manage", msp)
    return ClientImport.objects.filter(organization=msp).select_related("organization")


def one_import(actor: Actor, msp: Organization, import_id: str) -> ClientImport:
    """One file; raises NotFound."""
    found = imports_of(actor, msp).filter(pk=import_id).first()
    if found is None:
        raise NotFound("There is no such import.")
    return found


def lines_of(batch: ClientImport, state: str = "") -> QuerySet[ClientImportLine]:
    """
    Its lines, the newest first. The caller has found the file as who is asking.

    Args: state: only lines in this one; empty for all. Raises Malformed for another.
    """
    if state and state not in ClientImportLine.State.values:
        raise Malformed(f"Expected one of {', '.join(ClientImportLine.State.values)}.", field="state")
    lines = ClientImportLine.objects.filter(batch=batch)
    return lines.filter(state=state) if state else lines


def counts_of(batches: Iterable[ClientImport]) -> dict[str, dict[str, int]]:
    """How many lines of files are in which state, by the file's id. The caller has found them as who is asking."""
    lines = ClientImportLine.objects.filter(batch__in=[each.pk for each in batches]).order_by()
    found: dict[str, dict[str, int]] = {}
    for batch_id, state, count in lines.values_list("batch_id", "state").annotate(count=Count("pk")):
        found.setdefault(batch_id, {})[state] = count
    return found

"""Reads of files of clients. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
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


def lines_of(batch: ClientImport) -> QuerySet[ClientImportLine]:
    """Its lines, the newest first. The caller has found the file as who is asking."""
    return ClientImportLine.objects.filter(batch=batch)

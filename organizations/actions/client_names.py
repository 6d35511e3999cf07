"""What an MSP calls its clients: external ids, by which its tools find again what they made."""

from django.db import IntegrityError, transaction

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Invalid
from organizations import external_ids
from organizations.access import require, require_own
from organizations.actions import trail
from organizations.models import ClientName, Grant, Organization
from organizations.standings import current


def name_client(*, by: Actor, client: Organization, external_id: str) -> None:
    """
    Say what the MSP for which the asker is here calls the client; empty for nothing.

    Raises Forbidden, Invalid where they are here for no MSP or for the id itself, ExternalIdTaken.
    """
    standing = require(by, "member.view", client)
    if standing.msp_id is None:
        raise Invalid("Only an MSP has ids of its own for its clients. Nothing was changed.", field="external_id")
    own = require_own(by, "client.manage", standing.msp_id)
    give(standing.msp_id, client, external_id)
    with rls.acting_as(f"org:{standing.msp_id}"):
        trail.record(by, own, "organizations.client.name", client.pk, external_id=external_id)


def give(msp_id: str, client: Organization, external_id: str) -> None:
    """
    Part of an action: store what an MSP calls a client. Raises Invalid, ExternalIdTaken.

    An id of a client that the MSP has no access to any more is free.
    """
    wanted = external_ids.checked(external_id)
    with rls.acting_as(f"org:{msp_id}"):
        ClientName.objects.filter(organization_id=msp_id, client=client).delete()
        if not wanted:
            return
        held = Grant.objects.filter(current(), msp_id=msp_id).values("client_id")
        ClientName.objects.filter(organization_id=msp_id, external_id=wanted).exclude(client__in=held).delete()
        try:
            with transaction.atomic():
                ClientName.objects.create(organization_id=msp_id, client=client, external_id=wanted)
        except IntegrityError as error:
            raise external_ids.ExternalIdTaken(wanted) from error

"""
Brings receipts from the edge: those that somebody asked for, and the certificate of every erasure.

What comes is verified with the keys that the edge shows before it is kept. A failure that passes is tried again by the
outbox; an erasure is certified once, however often that is delivered.
"""

from collections.abc import Callable

import structlog
from django.utils import timezone

from controlplane import audit, outbox
from controlplane.actor import Actor
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.protection.receipts.actions import ASKED
from tenants.protection.receipts.models import Receipt
from tenants.protection.receipts.signatures import NotGenuine, Verified, verify
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.mirror import ERASED
from tenants.provisioning.models import Tenant

log = structlog.get_logger(__name__)

CALLS: dict[str, Callable[[EdgeApi, str], str]] = {
    Receipt.Kind.ERASURE: EdgeApi.erasure_certificate,
    Receipt.Kind.ISOLATION: EdgeApi.isolation_receipt,
}


@outbox.subscriber(ASKED, in_transaction=False)
def fetch_what_was_asked_for(message: Message) -> None:
    """Have the edge sign what somebody asked for."""
    _fetch(f"org:{message.organization_id}", message.payload["receipt"])


@outbox.subscriber(ERASED, in_transaction=False)
def certify_erasure(message: Message) -> None:
    """Fetch the certificate of an erasure."""
    actor, tenant_id = f"org:{message.organization_id}", message.payload["tenant"]
    with acting_as(actor):
        receipt, _ = Receipt.objects.get_or_create(
            tenant_id=tenant_id, kind=Receipt.Kind.ERASURE, defaults={"organization_id": message.organization_id}
        )
    _fetch(actor, receipt.pk)


def _fetch(actor: str, receipt_id: str) -> None:
    with acting_as(actor):
        receipt = Receipt.objects.select_related("tenant__cell").get(pk=receipt_id)
    if not receipt.pending:
        return
    edge = EdgeApi(receipt.tenant.cell)
    try:
        signed = CALLS[receipt.kind](edge, receipt.tenant_id)
        verified = verify(signed, edge.receipt_keys())
    except EdgeError as error:
        if error.retryable:
            raise
        _refused(actor, receipt, error)
    else:
        _keep(actor, receipt, signed, _of(receipt, verified))


def _of(receipt: Receipt, verified: Verified) -> Verified:
    """What was verified, if it is about this tenant and of this kind: one of another tenant proves nothing here."""
    if (verified.statement.get("tenant"), verified.statement.get("kind")) != (receipt.tenant_id, receipt.kind):
        raise NotGenuine("The edge sent a receipt of something else.")
    return verified


def _refused(actor: str, receipt: Receipt, error: EdgeError) -> None:
    log.error("receipt_refused", receipt=receipt.pk, tenant=receipt.tenant_id, code=error.code)
    with acting_as(actor):
        Receipt.objects.filter(pk=receipt.pk).update(error=error.as_json())


def _keep(actor: str, receipt: Receipt, signed: str, verified: Verified) -> None:
    news = {"receipt": signed, "statement": verified.statement, "key": verified.key, "signed_at": timezone.now()}
    with acting_as(actor):
        if not Receipt.objects.filter(pk=receipt.pk, receipt="").update(**news):
            return
        tenant = Tenant.objects.get(pk=receipt.tenant_id)
        audit.record(
            by=Actor.system("the edge has signed", organization_id=receipt.organization_id),
            action="tenants.receipt.sign",
            organization_id=receipt.organization_id,
            target=receipt.tenant_id,
            data={"receipt": receipt.pk, "kind": receipt.kind, "key": verified.key["kid"], "name": tenant.name},
        )

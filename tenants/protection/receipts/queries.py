"""Reads of receipts. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access
from tenants.protection.receipts.models import Receipt
from tenants.provisioning import queries
from tenants.provisioning.models import Tenant


def receipts_of(actor: Actor, tenant: Tenant) -> QuerySet[Receipt]:
    """A tenant's receipts, erased or not, the newest first. Raises as `access.require` for `tenant.view`."""
    found = queries.find(actor, tenant.pk)
    access.require(actor, "tenant.view", found.organization_id)
    return Receipt.objects.filter(tenant=found)


def find(actor: Actor, tenant: Tenant, receipt_id: str) -> Receipt:
    """One of a tenant's receipts. Raises NotFound."""
    found = receipts_of(actor, tenant).filter(pk=receipt_id).first()
    if found is None:
        raise NotFound("There is no such receipt.")
    return found


def as_file(receipt: Receipt) -> dict[str, object]:
    """What is downloaded: the signed text, with what it says and the key that it was verified with beside it."""
    return {
        "id": receipt.pk,
        "kind": receipt.kind,
        "tenant": receipt.tenant_id,
        "receipt": receipt.receipt,
        "key": receipt.key,
        "statement": receipt.statement,
    }

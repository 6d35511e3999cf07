"""Asking the edge for a signed statement."""

from django.db import transaction

from controlplane import outbox
from controlplane.actor import Actor
from organizations import access
from organizations.actions import trail
from tenants.protection.receipts.models import Receipt
from tenants.provisioning.models import Tenant
from tenants.provisioning.problems import NotPossibleNow

ASKED = "tenants.receipt.asked"


@transaction.atomic
def ask_for_isolation_receipt(*, by: Actor, tenant: Tenant) -> Receipt:
    """
    Have the edge look at a tenant now and sign which objects, keys and places are its alone.

    It is pending until the edge has signed. Raises NotPossibleNow for a tenant that the edge does not hold.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    if tenant.requested == Tenant.Requested.DELETED or not tenant.ever_sent:
        raise NotPossibleNow("The edge holds nothing of this tenant.", "Its erasure certificate says what there was.")
    receipt = Receipt.objects.create(
        organization_id=tenant.organization_id, tenant=tenant, kind=Receipt.Kind.ISOLATION, requested_by=by.user_id
    )
    payload = {"receipt": receipt.pk}
    outbox.publish(ASKED, key=receipt.pk, organization_id=tenant.organization_id, payload=payload)
    trail.record(
        by, standing, "tenants.receipt.ask", tenant.pk, receipt=receipt.pk, kind=receipt.kind, name=tenant.name
    )
    return receipt

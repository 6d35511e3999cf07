"""Brings to the edge the bundle that a plan names, and forgets a tenant's content once the tenant is erased."""

from controlplane import outbox
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.content.models import ContentBundle, ContentFile
from tenants.content.reading import bundle_of
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.mirror import ERASED
from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import SUPPLIERS


def supply(tenant: Tenant, edge: EdgeApi) -> None:
    """
    Store the bundle of a tenant's spec at the edge; nothing where it is not kept any more.

    Raises what `EdgeApi` does.
    """
    with acting_as(f"org:{tenant.organization_id}"):
        bundle = bundle_of(tenant, tenant.spec.get("content"))
    if bundle is not None:
        edge.put_content(tenant.pk, bundle.digest, bundle.wire_files())


@outbox.subscriber(ERASED)
def forget(message: Message) -> None:
    """Nothing of an erased tenant's content stays here either."""
    with acting_as(f"org:{message.organization_id}"):
        ContentBundle.objects.filter(tenant_id=message.payload["tenant"]).delete()
        ContentFile.objects.filter(tenant_id=message.payload["tenant"]).delete()


SUPPLIERS.append(supply)

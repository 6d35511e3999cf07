"""Forgets a tenant's own content once the tenant is erased."""

from controlplane import outbox
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.content.models import ContentFile
from tenants.provisioning.mirror import ERASED


@outbox.subscriber(ERASED)
def forget(message: Message) -> None:
    """Nothing of an erased tenant's own content stays here."""
    with acting_as(f"org:{message.organization_id}"):
        ContentFile.objects.filter(tenant_id=message.payload["tenant"]).delete()

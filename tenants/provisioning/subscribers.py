"""What this room does about facts of other rooms."""

from controlplane import outbox
from controlplane.models import Message
from tenants.provisioning import wakeups
from tenants.provisioning.models import Tenant


@outbox.subscriber("billing.subscription.changed")
def look_at_all_tenants(message: Message) -> None:
    """A subscription was suspended, resumed or changed: what is wanted of its tenants may be something else now."""
    for tenant in Tenant.objects.filter(organization_id=message.organization_id, deleted_at=None):
        wakeups.look_at(tenant)

"""Wake-ups: what is due stands in the tenant's row, the message only makes somebody look at once."""

from django.utils import timezone

from controlplane.celery import wake_on_commit
from tenants.provisioning.models import Tenant

INTERACTIVE, BULK = "interactive", "bulk"


def act_on(tenant: Tenant) -> None:
    """Have the reconciler act as soon as this transaction has committed, also where it had given up."""
    tenant.halted_at, tenant.attempts = None, 0
    tenant.save(update_fields=["halted_at", "attempts"])
    look_at(tenant)


def look_at(tenant: Tenant) -> None:
    """Have the reconciler look as soon as this transaction has committed; one that has given up does no more."""
    tenant.next_attempt_at = timezone.now()
    tenant.save(update_fields=["next_attempt_at"])
    wake_reconciler(tenant.pk)


def wake_reconciler(tenant_id: str, queue: str = INTERACTIVE) -> None:
    """Send the wake-up when this transaction has committed; outside one, now."""
    from tenants.provisioning.tasks import reconcile  # here, because the task calls what calls this

    wake_on_commit(reconcile, tenant_id, queue=queue)


def wake_consumer(cell_id: str) -> None:
    """Have the next consumer of a cell's changes begin."""
    from tenants.provisioning.tasks import consume_changes  # here, because the task calls what calls this

    wake_on_commit(consume_changes, cell_id, queue=BULK)

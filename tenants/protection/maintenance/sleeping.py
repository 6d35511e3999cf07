"""Sleep and waking on demand, and the policy by which a tenant sleeps by itself."""

from django.db import transaction

from controlplane.actor import Actor
from organizations import access
from organizations.actions import trail
from tenants.provisioning import beside, mirror, specs, wakeups
from tenants.provisioning.actions import refuse_leaving, refuse_while_busy
from tenants.provisioning.kinds import SLEEP, WAKE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow


@transaction.atomic
def fall_asleep(*, by: Actor, tenant: Tenant) -> Operation:
    """
    Have a tenant sleep now, if nobody uses it; a request wakes it again.

    Who uses it the edge alone knows: a manager counts an agent as connected for minutes after it has gone. So the edge
    asks its nodes, and an operation that it refuses fails with its words. Raises NotPossibleNow for a tenant that does
    not run, OperationInProgress.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    if tenant.status not in ("running", "attention"):
        raise NotPossibleNow("Only a tenant that runs can sleep.", "Start or wake it and wait until it runs.")
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    return beside.ask(by, tenant, SLEEP, standing)


@transaction.atomic
def wake(*, by: Actor, tenant: Tenant) -> Operation:
    """
    Wake a tenant that sleeps or is about to; that takes the place of its falling asleep.

    Raises NotPossibleNow for one that does not sleep, OperationInProgress.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    falling = Operation.objects.filter(tenant=tenant, kind=SLEEP, state__in=Operation.OPEN)
    if tenant.status != "sleeping" and not falling.exists():
        raise NotPossibleNow("This tenant does not sleep.")
    for operation in falling:
        mirror.finish(operation, Operation.State.CANCELLED)
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    return beside.ask(by, tenant, WAKE, standing)


@transaction.atomic
def set_sleep_policy(*, by: Actor, tenant: Tenant, after_minutes: int | None) -> Tenant:
    """
    Say after how many minutes without use a tenant sleeps; None for never.

    That is a change of its spec, which the reconciler hands over; one that sleeps wakes for it. Raises Invalid,
    NotPossibleNow for a tenant that was deleted, OperationInProgress.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    spec = specs.with_sleep(tenant.spec, after_minutes)
    refuse_leaving(tenant)
    if spec == tenant.spec:
        return tenant
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    before, tenant.spec = tenant.sleep_after_minutes, spec
    tenant.save(update_fields=["spec"])
    wakeups.look_at(tenant)
    trail.record(
        by,
        standing,
        "tenants.tenant.set_sleep_policy",
        tenant.pk,
        name=tenant.name,
        before=before,
        after_minutes=after_minutes,
    )
    return tenant

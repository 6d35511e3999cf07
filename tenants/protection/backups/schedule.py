"""The schedule by which a tenant backs itself up."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from billing.entitlements import entitlement_of
from controlplane.actor import Actor
from controlplane.problems import Invalid
from organizations import access
from organizations.actions import trail
from tenants.provisioning import backup_schedules, beside, mirror, wakeups
from tenants.provisioning.actions import refuse_leaving, refuse_while_busy
from tenants.provisioning.models import Tenant


@transaction.atomic
def set_schedule(*, by: Actor, tenant: Tenant, schedule: Mapping[str, Any] | None) -> Tenant:
    """
    Say how often a tenant backs itself up, and how many of these are kept; None for a day apart.

    That is a change of its spec, which the reconciler hands over; one that sleeps wakes for it. What is kept already
    stays for as long as it was to. Raises Invalid naming every fault, NotPossibleNow for a tenant that was deleted,
    OperationInProgress.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    wanted = _checked(tenant, schedule)
    tenant = mirror.locked(tenant.pk)
    refuse_leaving(tenant)
    before = tenant.backup_schedule
    if wanted == before:
        return tenant
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    rest = {name: value for name, value in tenant.spec.items() if name != backup_schedules.FIELD}
    tenant.spec = {**rest, **({backup_schedules.FIELD: wanted} if wanted else {})}
    tenant.save(update_fields=["spec"])
    wakeups.look_at(tenant)
    trail.record(
        by, standing, "tenants.tenant.set_backup_schedule", tenant.pk, name=tenant.name, before=before, schedule=wanted
    )
    return tenant


def _checked(tenant: Tenant, schedule: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if schedule is None:
        return None
    wanted = backup_schedules.in_spec(schedule)
    most_days = entitlement_of(tenant.organization_id).max_retention_days
    faults = list(backup_schedules.faults(wanted, most_days=most_days))
    if faults:
        raise Invalid(faults[0].message, errors=faults)
    return wanted

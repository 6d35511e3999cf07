"""
What the clock does with the recycle bin: it announces an erasure the day before, and asks for it when its time is up.

What is due stands in the tenants' rows, so that a look that is lost comes with the next. A protected tenant is left
alone.
"""

import datetime as dt

from django.db.models import Q

from controlplane import audit, rls
from controlplane.actor import Actor
from tenants.protection.deletion.actions import supersede, tell_owners
from tenants.provisioning import intents, mirror, wakeups
from tenants.provisioning.kinds import ERASE
from tenants.provisioning.models import Operation, Tenant

NOTICE = dt.timedelta(days=1)
"""How long before it is erased the owners are told once more."""


def due(at: dt.datetime) -> list[dict[str, str]]:
    """Tenants in the bin about which something is due: id and organization."""
    with rls.acting_as(""):
        found: list[dict[str, str]] = rls.call(
            "tenants_bin_due", at, at + NOTICE, otherwise=lambda: _due(at, at + NOTICE)
        )
    return found


def look(organization_id: str, tenant_id: str, at: dt.datetime) -> str:
    """Do what is due about one tenant; returns "erased", "told", or empty where nothing is due."""
    with rls.acting_as(f"org:{organization_id}"):
        tenant = mirror.locked(tenant_id)
        if tenant.protected or tenant.requested == Tenant.Requested.DELETED:
            return ""
        if not tenant.in_bin or tenant.erases_at is None or tenant.erases_at - NOTICE > at:
            return ""
        if tenant.erases_at <= at:
            return _erase(tenant)
        return _tell(tenant, at) if tenant.erasure_told_at is None else ""


def _erase(tenant: Tenant) -> str:
    supersede(tenant)
    base, tenant.requested = tenant.requested, Tenant.Requested.DELETED
    operation = intents.begin(tenant, ERASE, Operation.Source.SYSTEM, base_requested=base)
    wakeups.act_on(tenant)
    _note(tenant, "tenants.tenant.erase", operation=operation.pk)
    return "erased"


def _tell(tenant: Tenant, at: dt.datetime) -> str:
    tenant.erasure_told_at = at
    tenant.save(update_fields=["erasure_told_at"])
    tell_owners(tenant, "tenant_erasure")
    _note(
        tenant, "tenants.tenant.erasure_announced", erases_at=tenant.erases_at.isoformat() if tenant.erases_at else ""
    )
    return "told"


def _note(tenant: Tenant, action: str, **data: str) -> None:
    audit.record(
        by=Actor.system("its time in the recycle bin", organization_id=tenant.organization_id),
        action=action,
        organization_id=tenant.organization_id,
        target=tenant.pk,
        data={"name": tenant.name, **data},
    )


def _due(at: dt.datetime, soon: dt.datetime) -> list[dict[str, str]]:
    binned = Tenant.objects.filter(deleted_at=None, protected=False).exclude(requested=Tenant.Requested.DELETED)
    reached = binned.filter(Q(erases_at__lte=at) | Q(erases_at__lte=soon, erasure_told_at=None))
    return [{"id": each.pk, "organization_id": each.organization_id} for each in reached]

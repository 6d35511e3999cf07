"""
Deletion on purpose only, and in two steps: into the recycle bin, and out of it by being undeleted or erased.

In the bin a tenant is stopped and keeps everything it had, its name and its place in the plan among it, so that
undeleting never fails for want of either. `recycling.py` erases what has lain there for long enough.
"""

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict
from organizations import access, owner_notices
from tenants.protection import typed
from tenants.provisioning import mirror
from tenants.provisioning.actions import ask, carry_out
from tenants.provisioning.kinds import DELETE, ERASE, UNDELETE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow, PastPointOfNoReturn

KEPT = dt.timedelta(days=7)
"""How long a tenant lies in the recycle bin before it is erased."""

BIN = ("requested", "binned_at", "binned_by", "erases_at", "erasure_told_at")


@transaction.atomic
def delete(*, by: Actor, tenant: Tenant, confirm_name: str) -> Operation:
    """
    Put a tenant into the recycle bin: its nodes stop, agents and dashboards are refused, its data stay for 7 days.

    Deletion supersedes whatever is going on; the owners get a mail. Raises Invalid unless the tenant's name was typed,
    Conflict while it is protected, NotPossibleNow when it was deleted already.
    """
    standing = access.require(by, "tenant.delete", tenant.organization_id, confirmed=True)
    tenant = mirror.locked(tenant.pk)
    if tenant.is_leaving:
        raise NotPossibleNow("This tenant was deleted already.", "In the recycle bin it can be undeleted or erased.")
    _refuse_unless_meant(tenant, confirm_name)
    supersede(tenant)
    _put_into_bin(tenant, by)
    tell_owners(tenant, "tenant_binned", days=KEPT.days)
    return carry_out(by, tenant, DELETE, standing)


@transaction.atomic
def undelete(*, by: Actor, tenant: Tenant) -> Operation:
    """
    Take a tenant out of the recycle bin; it becomes what it was, running or stopped.

    Raises NotPossibleNow for one that is not there, PastPointOfNoReturn once the edge may know of its erasure.
    """
    standing = access.require(by, "tenant.delete", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    if not tenant.in_bin:
        raise NotPossibleNow("This tenant is not in the recycle bin.")
    if tenant.requested == Tenant.Requested.DELETED:
        tenant.requested = _requested_before_erasure(tenant)
    supersede(tenant)
    tenant.binned_at = tenant.erases_at = tenant.erasure_told_at = None
    tenant.binned_by = ""
    tenant.save(update_fields=BIN)
    return carry_out(by, tenant, UNDELETE, standing)


@transaction.atomic
def erase(*, by: Actor, tenant: Tenant, confirm_name: str) -> Operation:
    """
    Have a tenant in the recycle bin erased now. There is no way back once the edge was told.

    Raises Invalid unless the tenant's name was typed, Conflict while it is protected, NotPossibleNow for one that is
    not in the bin or is being erased already.
    """
    standing = access.require(by, "tenant.delete", tenant.organization_id, confirmed=True)
    tenant = mirror.locked(tenant.pk)
    if tenant.requested == Tenant.Requested.DELETED:
        raise NotPossibleNow("This tenant is being erased already.", "An erasure that failed can be retried.")
    if not tenant.in_bin:
        raise NotPossibleNow("Only a tenant in the recycle bin is erased. Nothing was erased.", "Delete it first.")
    _refuse_unless_meant(tenant, confirm_name)
    supersede(tenant)
    return ask(by, tenant, ERASE, standing)


@transaction.atomic
def set_protection(*, by: Actor, tenant: Tenant, protected: bool) -> Tenant:
    """Protect a tenant from deletion and erasure, or lift that, which needs a fresh proof as deleting does."""
    standing = access.require(by, "tenant.delete", tenant.organization_id, confirmed=not protected)
    if Tenant.objects.filter(pk=tenant.pk).exclude(protected=protected).update(protected=protected):
        audit.record(
            by=by,
            action="tenants.tenant.protect" if protected else "tenants.tenant.unprotect",
            organization_id=tenant.organization_id,
            target=tenant.pk,
            data={"name": tenant.name},
            grant_id=standing.grant_id,
        )
    tenant.protected = protected
    return tenant


def supersede(tenant: Tenant) -> None:
    """Part of an action, under the tenant's lock: what is going on ends, because what comes now takes its place."""
    superseded = mirror.open_operation(tenant)
    if superseded is not None:
        mirror.finish(superseded, Operation.State.CANCELLED)


def tell_owners(tenant: Tenant, template: str, **context: Any) -> None:
    """Part of an action: a mail to the owners about a tenant in the bin, whoever acts."""
    with rls.acting_as(f"org:{tenant.organization_id}"):
        erases = f"{tenant.erases_at:%-d %B %Y, %H:%M} UTC"
        owner_notices.tell_owners(tenant.organization, template, tenant=tenant.name, erases=erases, **context)


def _put_into_bin(tenant: Tenant, by: Actor) -> None:
    now = timezone.now()
    tenant.binned_at, tenant.erases_at, tenant.erasure_told_at = now, now + KEPT, None
    tenant.binned_by = by.user_id
    tenant.save(update_fields=BIN)


def _requested_before_erasure(tenant: Tenant) -> str:
    """What was requested before the newest erasure, which ends here if nobody outside knows of it."""
    erasure = Operation.objects.filter(tenant=tenant, kind=ERASE).order_by("-created_at", "-pk").first()
    if erasure is None or erasure.handed_over:
        raise PastPointOfNoReturn(ERASE)
    return erasure.base_requested


def _refuse_unless_meant(tenant: Tenant, confirm_name: str) -> None:
    refuse_protected(tenant)
    typed.require_name(tenant, confirm_name, "to delete it. Nothing was deleted.")


def refuse_protected(tenant: Tenant) -> None:
    """Part of an action. Raises Conflict for a tenant that is protected from deletion."""
    if tenant.protected:
        raise Conflict(
            "This tenant is protected from deletion. Nothing was deleted.",
            code="TENANT_PROTECTED",
            hint="Lift the protection first.",
        )

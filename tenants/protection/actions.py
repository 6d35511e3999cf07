"""Deletion on purpose only: a typed name, and a lifted flag. And new certificates or passwords on demand."""

import hmac

from django.db import transaction

from controlplane import audit
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations import access
from tenants.protection import beside
from tenants.provisioning import mirror
from tenants.provisioning.actions import ask, refuse_while_busy
from tenants.provisioning.kinds import ROTATE, ROTATE_CREDENTIALS
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow


@transaction.atomic
def delete(*, by: Actor, tenant: Tenant, confirm_name: str) -> Operation:
    """
    Have a tenant erased with all its data. There is no way back once the edge has begun.

    Deletion supersedes whatever is going on. Raises Invalid unless the tenant's name was typed, Conflict while it is
    protected, NotPossibleNow when it is being deleted already.
    """
    standing = access.require(by, "tenant.delete", tenant.organization_id, confirmed=True)
    tenant = mirror.locked(tenant.pk)
    _refuse_unless_meant(tenant, confirm_name)
    superseded = mirror.open_operation(tenant)
    if superseded is not None:
        mirror.finish(superseded, Operation.State.CANCELLED)
    return ask(by, tenant, "delete", standing)


def rotate_certificates(*, by: Actor, tenant: Tenant) -> Operation:
    """Have every node get new certificates, one role after the other. Raises NotPossibleNow, OperationInProgress."""
    return _rotate(by, tenant, ROTATE, "certificates")


def rotate_credentials(*, by: Actor, tenant: Tenant) -> Operation:
    """
    Have every node get new passwords, one role after the other, each seen to take the new and to refuse the old.

    Agents' keys are no part of it. Raises NotPossibleNow for a tenant that does not run, OperationInProgress.
    """
    return _rotate(by, tenant, ROTATE_CREDENTIALS, "passwords")


@transaction.atomic
def _rotate(by: Actor, tenant: Tenant, kind: str, what: str) -> Operation:
    """It changes nothing of what was asked for, so it goes to the edge as a fact of its own, past the reconciler."""
    standing = access.require(by, "tenant.operate", tenant.organization_id, confirmed=True)
    tenant = mirror.locked(tenant.pk)
    if tenant.status not in ("running", "attention"):
        raise NotPossibleNow(f"Only a tenant that runs can get new {what}.", "Start it and wait until it runs.")
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    return beside.ask(by, tenant, kind, standing)


@transaction.atomic
def set_protection(*, by: Actor, tenant: Tenant, protected: bool) -> Tenant:
    """Protect a tenant from deletion, or lift that protection, which needs a fresh proof as deleting does."""
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


def _refuse_unless_meant(tenant: Tenant, confirm_name: str) -> None:
    if tenant.requested == Tenant.Requested.DELETED:
        raise NotPossibleNow("This tenant is being deleted already.", "A deletion that failed can be retried.")
    if tenant.protected:
        raise Conflict(
            "This tenant is protected from deletion. Nothing was deleted.",
            code="TENANT_PROTECTED",
            hint="Lift the protection first.",
        )
    if not hmac.compare_digest(confirm_name.strip().encode(), tenant.name.encode()):
        raise Invalid("Type the tenant's name to delete it. Nothing was deleted.", field="confirm_name")

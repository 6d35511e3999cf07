"""Giving up what failed, with what it left behind undone."""

from django.db import transaction

from billing import actions as billing
from billing.entitlements import entitlement_of
from billing.models import Plan
from controlplane.actor import Actor
from organizations import access
from tenants.protection.deletion.actions import refuse_protected
from tenants.provisioning import mirror
from tenants.provisioning.actions import ask, permission_for, refuse_leaving, refuse_overtaken, refuse_while_busy
from tenants.provisioning.kinds import KINDS, REVERT
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow


@transaction.atomic
def abandon(*, by: Actor, operation: Operation) -> Operation:
    """
    Give up an operation that failed: another one, which is returned, undoes what it left.

    What a creation built is erased and its place given back; a change of version or sizes leads back to what was there
    before, and with sizes also to the plan that was changed for them; what a start began is stopped. Raises
    NotPossibleNow where nothing is left to undo or a newer operation has settled it, Conflict for a protected tenant,
    OperationInProgress.
    """
    kind = operation.known_kind
    undoing = kind.abandoned_by if kind else None
    erases = undoing is not None and KINDS[undoing].aims_at == "deleted"
    standing = access.require(by, permission_for(undoing or ""), operation.organization_id, confirmed=erases)
    tenant = mirror.locked(operation.tenant_id)
    operation.refresh_from_db()
    if undoing is None or operation.state != Operation.State.FAILED:
        raise NotPossibleNow("Only an operation that failed and left something behind can be abandoned.")
    refuse_while_busy(tenant)
    refuse_leaving(tenant)
    refuse_overtaken(operation)
    if erases:
        refuse_protected(tenant)
    base_spec = _return_to_before(by, tenant, operation) if undoing == REVERT else None
    return ask(by, tenant, undoing, standing, base_spec=base_spec, abandons=operation.pk)


def _return_to_before(by: Actor, tenant: Tenant, operation: Operation) -> dict[str, object]:
    """Make the spec from before wanted again; returns the one that failed."""
    failed = tenant.spec
    if operation.base_spec in (None, failed):
        raise NotPossibleNow("What failed here was taken back already.", "The tenant has what it had before.")
    tenant.spec = operation.base_spec
    tenant.save(update_fields=["spec"])
    plan, before = operation.arguments.get("plan"), operation.arguments.get("plan_before")
    if before and entitlement_of(tenant.organization_id).plan.code == plan:
        billing.change_plan(by=by, organization_id=tenant.organization_id, plan=Plan.objects.get(pk=before))
    return failed

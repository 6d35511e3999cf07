"""Asking for an export, and taking it away."""

from django.db import transaction

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict
from organizations import access
from organizations.actions import trail
from tenants.protection.exports.models import Export, new_export_id
from tenants.provisioning import intents, mirror
from tenants.provisioning.actions import asker, note
from tenants.provisioning.kinds import EXPORT
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow


@transaction.atomic
def ask(*, by: Actor, tenant: Tenant) -> Export:
    """
    Have everything of a tenant exported; the edge keeps the files for 7 days.

    It changes nothing and nothing waits for it, so that a tenant which rests or lies in the recycle bin is exported
    too, as far as its data lie at the edge. Raises NotPossibleNow for one that the edge does not hold or that is being
    erased, Conflict while an export is being made.
    """
    standing = access.require(by, "tenant.delete", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    if tenant.requested == Tenant.Requested.DELETED or not tenant.ever_sent:
        raise NotPossibleNow("The edge holds nothing of this tenant to export.")
    if Operation.objects.filter(tenant=tenant, kind=EXPORT, state__in=Operation.OPEN).exists():
        raise Conflict(
            "An export of this tenant is being made already.", code="EXPORT_IN_PROGRESS", hint="Wait until it is made."
        )
    name = new_export_id()
    source = Operation.Source.USER
    operation = intents.begin(tenant, EXPORT, source, exclusive=False, arguments={"export": name}, **asker(by))
    made = Export.objects.create(id=name, organization_id=tenant.organization_id, tenant=tenant, operation=operation)
    intents.bring(operation)
    note(by, operation, f"tenants.tenant.{EXPORT}", standing)
    return made


def note_download(*, by: Actor, export: Export) -> None:
    """
    Note that somebody takes an export away, before the first byte goes out.

    Raises NotConfirmed without a fresh proof, NotPossibleNow for one that is not made.
    """
    with rls.acting_as(by.rls_actor):
        standing = access.require(by, "tenant.delete", export.organization_id, confirmed=True)
        if not export.can_be_downloaded:
            raise NotPossibleNow("This export is not made.", "Wait until it is, or ask for another one.")
        trail.record(
            by, standing, "tenants.export.download", export.pk, tenant=export.tenant_id, name=export.tenant.name
        )

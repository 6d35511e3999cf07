"""New certificates and passwords on demand."""

from django.db import transaction

from controlplane.actor import Actor
from organizations import access
from tenants.protection import beside
from tenants.provisioning import mirror
from tenants.provisioning.actions import refuse_while_busy
from tenants.provisioning.kinds import ROTATE, ROTATE_CREDENTIALS
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow


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

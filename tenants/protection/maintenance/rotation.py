"""New certificates and passwords on demand."""

from typing import Any

from django.db import transaction

from controlplane.actor import Actor
from organizations import access
from tenants.provisioning import beside, mirror
from tenants.provisioning.actions import refuse_while_busy
from tenants.provisioning.kinds import ROTATE, ROTATE_CREDENTIALS
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow
from tenants.provisioning.scheduling import NOW, prepares
from tenants.provisioning.scheduling import ask as ask_when


def rotate_certificates(*, by: Actor, tenant: Tenant, when: str = NOW) -> Operation:
    """
    Have every node get new certificates, one role after the other.

    Raises NotPossibleNow, OperationInProgress. Args: when: see `scheduling.ask`.
    """
    return _rotate(by, tenant, ROTATE, when)


def rotate_credentials(*, by: Actor, tenant: Tenant, when: str = NOW) -> Operation:
    """
    Have every node get new passwords, one role after the other, each seen to take the new and to refuse the old.

    Agents' keys are no part of it. Raises NotPossibleNow for a tenant that does not run, OperationInProgress. Args:
    when: see `scheduling.ask`.
    """
    return _rotate(by, tenant, ROTATE_CREDENTIALS, when)


@transaction.atomic
def _rotate(by: Actor, tenant: Tenant, kind: str, when: str) -> Operation:
    """It changes nothing of what was asked for, so it goes to the edge as a fact of its own, past the reconciler."""
    standing = access.require(by, "tenant.operate", tenant.organization_id, confirmed=True)
    return ask_when(by, mirror.locked(tenant.pk), kind, standing, when)


@prepares(ROTATE)
def _certificates_rotated(tenant: Tenant) -> dict[str, Any]:
    return _rotated(tenant, "certificates")


@prepares(ROTATE_CREDENTIALS)
def _credentials_rotated(tenant: Tenant) -> dict[str, Any]:
    return _rotated(tenant, "passwords")


def _rotated(tenant: Tenant, what: str) -> dict[str, Any]:
    if tenant.status not in ("running", "attention"):
        raise NotPossibleNow(f"Only a tenant that runs can get new {what}.", "Start it and wait until it runs.")
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    return dict(tenant.spec)

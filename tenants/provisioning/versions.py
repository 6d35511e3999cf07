"""Another version or other sizes for a tenant that exists: what may be asked for."""

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.entitlements import entitlement_of
from controlplane.actor import Actor
from controlplane.problems import FieldError
from organizations import access
from organizations.standings import Standing
from tenants.provisioning import mirror, specs
from tenants.provisioning.actions import ask, refuse_while_busy
from tenants.provisioning.kinds import RESIZE, ROLLBACK, UPGRADE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import InvalidPlan, NotPossibleNow

WAY_BACK = dt.timedelta(days=7)
"""How long the edge keeps the backup from before a change of version."""


@transaction.atomic
def upgrade(*, by: Actor, tenant: Tenant, version: str) -> Operation:
    """
    Have a tenant run another version of Wazuh, which the edge takes back by itself where it does not serve.

    Raises InvalidPlan for a version that the cell does not offer or that can't read the tenant's data, NotPossibleNow
    for a tenant that does not run or runs it already, OperationInProgress.
    """
    standing, tenant = _ready(by, tenant)
    current = tenant.spec["version"]
    if version not in tenant.cell.versions:
        raise _refused(f"Version {version} is not on offer here. Nothing was changed.")
    if version == current:
        raise NotPossibleNow(f"This tenant runs version {version} already.", "Choose another one.")
    if specs.series_of(version) < specs.series_of(current):
        raise _refused(f"Version {version} can't read the data of {current}. Nothing was changed.")
    return _change(by, tenant, UPGRADE, standing, {"version": version})


@transaction.atomic
def roll_back(*, by: Actor, tenant: Tenant) -> Operation:
    """
    Give a tenant the version it had before the last change, with the backup that was made then.

    Alerts since then are written again from the edge's journal. Raises NotPossibleNow where no backup from before is
    kept, OperationInProgress.
    """
    standing, tenant = _ready(by, tenant)
    version = version_before(tenant)
    if version is None:
        raise NotPossibleNow("No backup from before a change of version is kept.", "Choose a version to change to.")
    return _change(by, tenant, ROLLBACK, standing, {"version": version})


@transaction.atomic
def resize(*, by: Actor, tenant: Tenant) -> Operation:
    """
    Give a tenant's nodes the sizes of its organization's plan, one role after the other.

    Raises NotPossibleNow for a tenant that does not run or has these sizes already, OperationInProgress.
    """
    standing, tenant = _ready(by, tenant)
    roles = planned_roles(tenant)
    if roles == tenant.spec["roles"]:
        raise NotPossibleNow("This tenant has the sizes of its plan already.", "Change the plan first.")
    return _change(by, tenant, RESIZE, standing, {"roles": roles})


def planned_roles(tenant: Tenant) -> dict[str, Any]:
    """The roles as the organization's plan sizes them now; an image of a role's own stays."""
    sizes = entitlement_of(tenant.organization_id).plan.roles
    images = {role: given["image"] for role, given in tenant.spec["roles"].items() if "image" in given}
    return {role: {**size, **({"image": images[role]} if role in images else {})} for role, size in sizes.items()}


def version_before(tenant: Tenant) -> str | None:
    """The version that a rollback would lead to, as long as the backup from before is kept."""
    last = tenant.operations.filter(kind__in=(UPGRADE, ROLLBACK), state=Operation.State.SUCCEEDED).first()
    if last is None or last.finished_at is None or not last.base_spec:
        return None
    before = str(last.base_spec["version"])
    kept = last.created_at + WAY_BACK > timezone.now()
    return before if kept and before != tenant.spec["version"] and before in tenant.cell.versions else None


def _refused(detail: str) -> InvalidPlan:
    return InvalidPlan(FieldError("version", detail))


def _ready(by: Actor, tenant: Tenant) -> tuple[Standing, Tenant]:
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    refuse_while_busy(tenant)
    if tenant.status not in ("running", "attention"):
        raise NotPossibleNow("Only a tenant that runs can be changed.", "Start it and wait until it runs.")
    return standing, tenant


def _change(by: Actor, tenant: Tenant, kind: str, standing: Standing, spec: dict[str, object]) -> Operation:
    before = tenant.spec
    tenant.spec = {**before, **spec}
    tenant.save(update_fields=["spec"])
    return ask(by, tenant, kind, standing, base_spec=before)

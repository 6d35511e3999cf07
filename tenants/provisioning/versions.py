"""Another version or other sizes for a tenant that exists: what may be asked for."""

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import actions as billing
from billing.entitlements import entitlement_of
from billing.models import Plan
from billing.queries import plans_on_offer
from controlplane.actor import Actor
from controlplane.problems import FieldError, Problem
from organizations import access
from tenants.provisioning import mirror, specs
from tenants.provisioning.actions import refuse_while_busy
from tenants.provisioning.kinds import RESIZE, ROLLBACK, UPGRADE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import InvalidPlan, NotPossibleNow, PlanTooLarge
from tenants.provisioning.scheduling import NOW, ask, prepares

WAY_BACK = dt.timedelta(days=7)
"""How long the edge keeps the backup from before a change of version."""
READY = ("running", "attention")


@transaction.atomic
def upgrade(*, by: Actor, tenant: Tenant, version: str, when: str = NOW) -> Operation:
    """
    Have a tenant run another version of Wazuh, which the edge takes back by itself where it does not serve.

    Raises InvalidPlan for a version that the cell does not offer or that can't read the tenant's data, NotPossibleNow
    for a tenant that does not run or runs it already, OperationInProgress. Args: when: see `scheduling.ask`.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    return ask(by, mirror.locked(tenant.pk), UPGRADE, standing, when, version=version)


@prepares(UPGRADE)
def _upgraded(tenant: Tenant, version: str) -> dict[str, Any]:
    refuse_while_busy(tenant)
    problem = why_not(tenant, version)
    if problem is not None:
        raise problem
    return {**tenant.spec, "version": version}


def why_not(tenant: Tenant, version: str) -> Problem | None:
    """What keeps a tenant from changing to a version, but for what is under way; None where nothing does."""
    current = tenant.spec["version"]
    if tenant.status not in READY:
        return _not_ready()
    if version not in tenant.cell.versions:
        return _refused(f"Version {version} is not on offer here. Nothing was changed.")
    if version == current:
        return NotPossibleNow(f"This tenant runs version {version} already.", "Choose another one.")
    if specs.series_of(version) < specs.series_of(current):
        return _refused(f"Version {version} can't read the data of {current}. Nothing was changed.")
    return None


@transaction.atomic
def roll_back(*, by: Actor, tenant: Tenant, when: str = NOW) -> Operation:
    """
    Give a tenant the version it had before the last change, with the backup that was made then.

    Alerts since then are written again from the edge's journal. Raises NotPossibleNow where no backup from before is
    kept, OperationInProgress. Args: when: see `scheduling.ask`.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    return ask(by, tenant, ROLLBACK, standing, when, version=version_before(tenant) or "")


@prepares(ROLLBACK)
def _rolled_back(tenant: Tenant, version: str) -> dict[str, Any]:
    _refuse_unready(tenant)
    if not version or version != version_before(tenant):
        raise NotPossibleNow("No backup from before a change of version is kept.", "Choose a version to change to.")
    return {**tenant.spec, "version": version}


@transaction.atomic
def resize(*, by: Actor, tenant: Tenant, plan: str | None = None, when: str = NOW) -> Operation:
    """
    Give a tenant's nodes the sizes of its organization's plan, one role after the other.

    Sizes are the plan's alone, so that other ones mean another `plan` of the organization: its code, where it is to be
    changed along, which happens at once whenever the nodes follow. Other tenants keep the sizes they have. Raises
    NotPossibleNow for a tenant that does not run or has these sizes already, InvalidPlan for a plan that is not on
    offer, PlanTooSmall, PlanTooLarge, OperationInProgress. Args: when: see `scheduling.ask`.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    before, changed = entitlement_of(tenant.organization_id).plan.code, {}
    if plan is not None and plan != before:
        billing.change_plan(by=by, organization_id=tenant.organization_id, plan=_on_offer(plan))
        changed = {"plan": plan, "plan_before": before}
    return ask(by, tenant, RESIZE, standing, when, **changed)


@prepares(RESIZE)
def _resized(tenant: Tenant, **_: str) -> dict[str, Any]:
    _refuse_unready(tenant)
    roles = planned_roles(tenant)
    if roles == tenant.spec["roles"]:
        raise NotPossibleNow("This tenant has the sizes of its plan already.", "Choose another plan.")
    specs.check_fit(tenant.spec, roles)
    return {**tenant.spec, "roles": roles}


def why_no_resize(tenant: Tenant, plan: Plan) -> str:
    """Why the tenant can't take a plan's sizes now, in words; empty where it can."""
    roles = planned_roles(tenant, plan)
    if roles == tenant.spec["roles"]:
        return "The tenant has these sizes."
    if mirror.open_operation(tenant) is not None or tenant.status not in READY:
        return "Only a tenant that runs, and of which nothing else is under way, can be changed."
    try:
        specs.check_fit(tenant.spec, roles)
    except PlanTooLarge as fault:
        return fault.detail
    return ""


def planned_roles(tenant: Tenant, plan: Plan | None = None) -> dict[str, Any]:
    """The roles as a plan sizes them, the organization's own where none is named; an image of a role's own stays."""
    sizes = (plan or entitlement_of(tenant.organization_id).plan).roles
    images = {role: given["image"] for role, given in tenant.spec["roles"].items() if "image" in given}
    return {role: {**size, **({"image": images[role]} if role in images else {})} for role, size in sizes.items()}


def version_before(tenant: Tenant) -> str | None:
    """The version that a rollback would lead to, as long as the backup from before is kept."""
    last = tenant.operations.filter(kind__in=(UPGRADE, ROLLBACK), state=Operation.State.SUCCEEDED).first()
    if last is None or last.finished_at is None or not last.base_spec:
        return None
    before = str(last.base_spec["version"])
    # Of one that was scheduled, the backup is as old as its begin.
    kept = (last.started_at or last.created_at) + WAY_BACK > timezone.now()
    return before if kept and before != tenant.spec["version"] and before in tenant.cell.versions else None


def _on_offer(code: str) -> Plan:
    plan = plans_on_offer().filter(pk=code).first()
    if plan is None:
        raise InvalidPlan(FieldError("plan", f"There is no plan {code} on offer. Nothing was changed."))
    return plan


def _refused(detail: str) -> InvalidPlan:
    return InvalidPlan(FieldError("version", detail))


def _refuse_unready(tenant: Tenant) -> None:
    refuse_while_busy(tenant)
    if tenant.status not in READY:
        raise _not_ready()


def _not_ready() -> NotPossibleNow:
    return NotPossibleNow("Only a tenant that runs can be changed.", "Start it and wait until it runs.")

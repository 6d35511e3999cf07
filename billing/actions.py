"""Every change of what an organization subscribes to or uses up."""

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from billing.entitlements import TRIAL, entitlement_of
from billing.models import Plan, Subscription
from billing.problems import PlanTooSmall, QuotaExceeded
from controlplane import audit, outbox
from controlplane.actor import Actor
from controlplane.ids import new_id
from organizations import access
from organizations.standings import Standing

CHANGED = "billing.subscription.changed"


def start_trial(*, organization_id: str) -> Subscription:
    """Give a new organization its trial subscription; repeated calls change nothing."""
    subscription, _ = Subscription.objects.get_or_create(organization_id=organization_id, defaults={"plan_id": TRIAL})
    return subscription


@transaction.atomic
def change_plan(*, by: Actor, organization_id: str, plan: Plan) -> Subscription:
    """
    Put an organization on another plan. Tenants that exist keep the node sizes they were made with.

    Raises PlanTooSmall where the organization has more tenants than the plan holds.
    """
    standing = access.require(by, "billing.manage", organization_id)
    start_trial(organization_id=organization_id)
    fits = Subscription.objects.filter(organization_id=organization_id, tenants_used__lte=plan.max_tenants)
    if not fits.update(plan=plan):
        raise PlanTooSmall(plan.name, plan.max_tenants)
    return _changed(by, standing, "billing.subscription.change_plan", {"plan": plan.code})


@transaction.atomic
def suspend(*, by: Actor, organization_id: str) -> Subscription:
    """Stop every tenant of an organization that does not pay; nothing is deleted."""
    return _set_state(by, organization_id, Subscription.State.SUSPENDED, "billing.subscription.suspend")


@transaction.atomic
def resume(*, by: Actor, organization_id: str) -> Subscription:
    """End a suspension: tenants that were asked to run start again."""
    return _set_state(by, organization_id, Subscription.State.ACTIVE, "billing.subscription.resume")


def reserve_tenant(*, organization_id: str) -> None:
    """
    Count one more tenant, or raise QuotaExceeded.

    One conditional UPDATE, so that two requests that race for the last place can't both have it.
    """
    if _take_place(organization_id):
        return
    start_trial(organization_id=organization_id)
    if not _take_place(organization_id):
        entitlement = entitlement_of(organization_id)
        raise QuotaExceeded(entitlement.plan.name, entitlement.max_tenants)


def release_tenant(*, organization_id: str) -> None:
    """Give back the place of a tenant that is gone."""
    used = Subscription.objects.filter(organization_id=organization_id, tenants_used__gt=0)
    used.update(tenants_used=F("tenants_used") - 1)


def _take_place(organization_id: str) -> bool:
    limit = Plan.objects.filter(pk=OuterRef("plan_id")).values("max_tenants")
    roomy = Subscription.objects.filter(organization_id=organization_id, tenants_used__lt=Subquery(limit))
    return bool(roomy.update(tenants_used=F("tenants_used") + 1))


def _set_state(by: Actor, organization_id: str, state: str, action: str) -> Subscription:
    standing = access.require(by, "billing.manage", organization_id)
    start_trial(organization_id=organization_id)
    Subscription.objects.filter(organization_id=organization_id).update(state=state)
    return _changed(by, standing, action, {"state": str(state)})


def _changed(by: Actor, standing: Standing, action: str, data: dict[str, str]) -> Subscription:
    organization_id = standing.organization_id
    subscription = Subscription.objects.select_related("plan").get(organization_id=organization_id)
    audit.record(
        by=by,
        action=action,
        organization_id=organization_id,
        target=subscription.pk,
        data=data,
        grant_id=standing.grant_id,
    )
    outbox.publish(CHANGED, key=new_id("fact"), organization_id=organization_id, payload={})
    return subscription

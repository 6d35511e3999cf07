"""What an organization may use at this moment."""

from dataclasses import dataclass

from billing.models import Plan, Subscription

TRIAL = "trial"


@dataclass(frozen=True)
class Entitlement:
    """
    The limits that hold for one organization.

    `max_agents` counts for each tenant. A suspended organization keeps its data; its tenants are stopped.
    """

    plan: Plan
    max_tenants: int
    max_agents: int
    max_retention_days: int
    suspended: bool = False


def entitlement_of(organization_id: str) -> Entitlement:
    """The entitlement of one organization; without a subscription yet, that of a fresh trial."""
    subscription = Subscription.objects.select_related("plan").filter(organization_id=organization_id).first()
    if subscription is None:
        return _limits(Plan.objects.get(code=TRIAL), suspended=False)
    return _limits(subscription.plan, suspended=subscription.state == Subscription.State.SUSPENDED)


def _limits(plan: Plan, *, suspended: bool) -> Entitlement:
    return Entitlement(
        plan=plan,
        max_tenants=plan.max_tenants,
        max_agents=plan.max_agents,
        max_retention_days=plan.max_retention_days,
        suspended=suspended,
    )

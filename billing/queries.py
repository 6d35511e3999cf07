"""Reads of this room."""

from django.db.models import QuerySet

from billing.models import Plan, Subscription
from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access


def plans_on_offer() -> QuerySet[Plan]:
    """The price list, the same for everybody: each plan with its limits, node sizes and monthly price."""
    return Plan.objects.filter(offered=True)


def subscription_of(actor: Actor, organization_id: str) -> Subscription:
    """An organization's subscription. Raises NotFound in the moment before its trial has begun."""
    access.require(actor, "billing.view", organization_id)
    found = Subscription.objects.select_related("plan").filter(organization_id=organization_id).first()
    if found is None:
        raise NotFound("This organization has no subscription yet.")
    return found

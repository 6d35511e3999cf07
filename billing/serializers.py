"""What crosses the wire of this room's API."""

from rest_framework import serializers

from billing.models import Plan, Subscription


class PlanOut(serializers.ModelSerializer[Plan]):
    """A plan on offer. Money is in US cents, for each running tenant and month."""

    cost_cents = serializers.IntegerField(
        read_only=True, help_text="what the nodes of one running tenant cost on Cloudflare, before CPU"
    )
    searchable_days = serializers.IntegerField(
        read_only=True, help_text="days that can be searched with all agents enrolled; more with fewer"
    )

    class Meta:
        model = Plan
        fields = [
            "code",
            "name",
            "summary",
            "price_cents",
            "cost_cents",
            "max_tenants",
            "max_agents",
            "max_retention_days",
            "searchable_days",
            "roles",
        ]
        read_only_fields = fields


class SubscriptionOut(serializers.ModelSerializer[Subscription]):
    """What an organization has subscribed to, and how much of it is in use."""

    plan = PlanOut(read_only=True)

    class Meta:
        model = Subscription
        fields = ["id", "plan", "state", "tenants_used", "created_at"]
        read_only_fields = fields

"""Plans on offer, and the subscription of each organization."""

from datetime import datetime

from django.db import models

from billing import disk
from billing.instances import monthly_cents
from controlplane.ids import new_id


def new_subscription_id() -> str:
    return new_id("sub")


class Plan(models.Model):
    """
    One line of the price list.

    `roles` gives the nodes of each tenant under this plan (role → count and instance size). `price_cents` is asked
    for each running tenant and month, in US cents. Alerts are kept for at most `max_retention_days`; how many of these
    days can be searched follows from the disk (see `billing.disk`).
    """

    code = models.CharField(primary_key=True, max_length=32)
    name = models.CharField(max_length=80)
    summary = models.CharField(max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    offered = models.BooleanField(default=True)
    price_cents = models.PositiveIntegerField()
    max_tenants = models.PositiveIntegerField()
    max_agents = models.PositiveIntegerField(help_text="for each tenant")
    max_retention_days = models.PositiveIntegerField()
    roles = models.JSONField()

    class Meta:
        ordering = ["position", "code"]

    def __str__(self) -> str:
        return self.name

    @property
    def cost_cents(self) -> int:
        """What one running tenant's nodes cost on Cloudflare a month, in US cents, before CPU."""
        return monthly_cents(self.roles)

    @property
    def searchable_days(self) -> int:
        """How many days of alerts the indexer's disk holds with all its agents; more with fewer agents."""
        return disk.searchable_days(self.roles["indexer"], agents=self.max_agents, most=self.max_retention_days)


class Subscription(models.Model):
    """What one organization has subscribed to. `tenants_used` counts its tenants that are not deleted."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

    id = models.CharField(primary_key=True, max_length=32, default=new_subscription_id, editable=False)
    organization = models.OneToOneField(
        "organizations.Organization", on_delete=models.CASCADE, related_name="subscription"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    tenants_used = models.PositiveIntegerField(default=0)
    created_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.plan_id}"

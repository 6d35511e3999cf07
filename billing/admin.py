"""The admin site, for staff: reading only. Changes go through the actions, which check and audit them."""

from django.contrib import admin

from billing.models import Plan, Subscription
from organizations.admin import ReadOnly


@admin.register(Plan)
class PlanAdmin(ReadOnly):
    """The price list."""

    list_display = ["code", "name", "price_cents", "max_tenants", "max_agents", "offered"]


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnly):
    """Subscriptions."""

    list_display = ["organization", "plan", "state", "tenants_used", "created_at"]
    list_filter = ["plan", "state"]

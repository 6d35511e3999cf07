"""The buttons of a tenant's sleep: now, no more, and after how long by itself."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.actor import actor_of
from controlplane.problems import Invalid
from tenants.protection.forms import SleepForm
from tenants.protection.maintenance import sleeping
from tenants.provisioning import queries
from tenants.provisioning.buttons import button

fall_asleep = button(sleeping.fall_asleep, "goes to sleep if nobody uses it. A request wakes it.")
wake = button(sleeping.wake, "wakes up. Every step shows here.")


@login_required
@require_POST
def policy(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Say after how long without use a tenant sleeps."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    form = SleepForm(request.POST, minutes=tenant.sleep_after_minutes)
    if not form.is_valid():
        raise Invalid("Choose one of the times that are offered. Nothing was changed.", field="sleep_after_minutes")
    minutes = form.cleaned_data["sleep_after_minutes"]
    sleeping.set_sleep_policy(by=actor, tenant=tenant, after_minutes=minutes)
    said = "sleeps once nobody used it for that long" if minutes else "never sleeps by itself"
    messages.success(request, f"{tenant.name} {said} from now on.")
    return redirect("tenants:settings", tenant.pk)

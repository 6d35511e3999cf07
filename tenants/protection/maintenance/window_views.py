"""A tenant's maintenance window and ring, set on its settings page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.actor import actor_of
from tenants.protection.forms import DeleteForm, WindowForm
from tenants.protection.maintenance import rings
from tenants.protection.maintenance import window as maintenance
from tenants.protection.views import settings_page
from tenants.provisioning import queries


@login_required
@require_POST
def window(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Say when the tenant's nodes may restart, or that there is no such time."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    if "clear" in request.POST:
        maintenance.set_window(by=actor, tenant=tenant, window=None)
        messages.success(request, f"{tenant.name} has no maintenance window any more.")
        return redirect("tenants:settings", tenant.pk)
    form = WindowForm(request.POST)
    if not form.is_valid():
        return settings_page(request, tenant, DeleteForm(), form)
    maintenance.set_window(by=actor, tenant=tenant, window=form.cleaned_data)
    messages.success(request, f"{tenant.name} has its maintenance window. What is scheduled already keeps its time.")
    return redirect("tenants:settings", tenant.pk)


@login_required
@require_POST
def ring(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Say how early a roll-out reaches the tenant."""
    actor = actor_of(request)
    tenant = rings.set_ring(by=actor, tenant=queries.find(actor, tenant_id), ring=request.POST.get("ring", ""))
    messages.success(request, f"{tenant.name} is in the ring “{tenant.get_ring_display()}”. Nothing that runs changes.")
    return redirect("tenants:settings", tenant.pk)

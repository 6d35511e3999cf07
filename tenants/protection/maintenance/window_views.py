"""A tenant's maintenance window, set on its settings page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.actor import actor_of
from tenants.protection.forms import DeleteForm, WindowForm
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

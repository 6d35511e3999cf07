"""The schedule of a tenant's backups, set on its settings page."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from billing.entitlements import entitlement_of
from controlplane.actor import actor_of
from tenants.protection.backups.schedule import set_schedule
from tenants.protection.forms import BackupScheduleForm, DeleteForm
from tenants.protection.views import settings_page
from tenants.provisioning import backup_schedules, queries


@login_required
@require_POST
def schedule(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Say how often the tenant backs itself up, or leave that to the edge."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    form = BackupScheduleForm(request.POST, most_days=entitlement_of(tenant.organization_id).max_retention_days)
    wanted = None
    if "clear" not in request.POST:
        if not form.is_valid():
            return settings_page(request, tenant, DeleteForm(), schedule_form=form)
        wanted = form.cleaned_data
    tenant = set_schedule(by=actor, tenant=tenant, schedule=wanted)
    messages.success(request, f"{tenant.name} backs itself up {backup_schedules.words(tenant.backup_schedule)}.")
    return redirect("tenants:settings", tenant.pk)

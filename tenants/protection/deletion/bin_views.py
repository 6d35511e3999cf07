"""The recycle bin of an organization, and the two ways out of it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from organizations import access
from organizations import queries as organizations
from organizations.frame import frame_for
from organizations.names import names_of
from tenants.protection.deletion import actions as deletion
from tenants.protection.forms import DeleteForm
from tenants.protection.views import settings_page
from tenants.provisioning import marks, queries
from tenants.provisioning.buttons import button
from tenants.provisioning.models import Tenant

undelete = button(deletion.undelete, "is out of the recycle bin and becomes what it was. Every step shows here.")


@login_required
@require_safe
def listing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What was deleted and can still be undeleted: who deleted it, and when it is erased."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    permissions = access.require(actor, "tenant.view", organization).permissions
    page = page_of(queries.in_bin(actor, organization.pk), cursor=request.GET.get("cursor"))
    names = names_of(tenant.binned_by for tenant in page.rows)
    context = {
        "rows": [
            {
                "tenant": tenant,
                "mark": marks.of_tenant(tenant),
                "by": names.get(tenant.binned_by) or "somebody who has left",
                "can_undelete": "tenant.delete" in permissions and tenant.requested != Tenant.Requested.DELETED,
            }
            for tenant in page.rows
        ],
        "days_kept": deletion.KEPT.days,
        "page": pager(page),
        "frame": frame_for(request, organization, here="Recycle bin", section="home"),
    }
    return render(request, "tenants/bin.html", context)


@login_required
@require_POST
def erase(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Erase a tenant in the bin whose name was typed."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    form = DeleteForm(request.POST)
    if form.is_valid():
        with told_on(form):
            deletion.erase(by=actor, tenant=tenant, confirm_name=form.cleaned_data["confirm_name"])
            messages.success(request, f"{tenant.name} is being erased.")
            return redirect("tenants:overview", tenant.pk)
    return settings_page(request, tenant, form)

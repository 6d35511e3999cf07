"""A tenant's content: what counts for it, and trying an event at its manager."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.problems import Problem
from organizations import access
from organizations.frame import Frame, Link
from tenants.content import queries, trials
from tenants.content.forms import LogtestForm
from tenants.content.rows import effective_row
from tenants.provisioning import queries as tenants
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant


@login_required
@require_safe
def content(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """What counts for a tenant, and from whom each file is."""
    actor = actor_of(request)
    tenant = tenants.find(actor, tenant_id)
    frame = content_frame(request, tenant, "Rules and content")
    own = {(file.kind, file.name): file.pk for file in queries.files_of_tenant(actor, tenant).filter(withdrawn_at=None)}
    context = {
        "tenant": tenant,
        "files": [effective_row(each, own) for each in queries.effective_for(actor, tenant)],
        "may_edit": "tenant.operate" in frame.permissions and not tenant.is_leaving,
        "frame": frame,
    }
    return render(request, "tenants/content.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def logtest(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Try one line of a log at the tenant's manager."""
    actor = actor_of(request)
    tenant = tenants.find(actor, tenant_id)
    access.require(actor, "tenant.operate", tenant.organization_id)
    form = LogtestForm(request.POST or None)
    result, problem = None, None
    if request.method == "POST" and form.is_valid():
        given = {**form.cleaned_data, "location": form.cleaned_data["location"] or trials.DEFAULT_LOCATION}
        with told_on(form):
            try:
                result = trials.try_event(by=actor, tenant=tenant, **given)
            except Problem as refused:
                problem = refused
                if refused.status < 500:
                    raise
    context = {
        "tenant": tenant,
        "form": form,
        "result": result,
        "problem": problem if problem and not form.errors else None,
        "data": sorted(result["output"].get("data", {}).items()) if result else [],
        "frame": content_frame(request, tenant, "Try an event", _crumb(tenant)),
    }
    return render(request, "tenants/logtest.html", context, status=422 if form.errors else 200)


def content_frame(request: HttpRequest, tenant: Tenant, here: str, *crumbs: Link) -> Frame:
    """The frame of a page about a tenant's content."""
    permissions = access.require(actor_of(request), "tenant.view", tenant.organization_id).permissions
    return tenant_frame(request, tenant, permissions, here=here, section="content", crumbs=crumbs)


def _crumb(tenant: Tenant) -> Link:
    return Link("Rules and content", reverse("tenants:content", args=[tenant.pk]))

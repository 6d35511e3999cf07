"""The page where agents that exist already are taken over."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.rls import reading_as
from controlplane.transactions import calls_out
from organizations import access
from organizations.frame import Link
from tenants.enrollment.imports import actions
from tenants.enrollment.imports.forms import ImportForm
from tenants.enrollment.imports.marks import OUTCOMES
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def take_over(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Ask for lines of client.keys; on POST, say what became of each."""
    actor = actor_of(request)
    with reading_as(actor.rls_actor):
        tenant = provisioning.find(actor, tenant_id)
        permissions = access.require(actor, "token.create", tenant.organization_id).permissions
        agents = Link("Agents", reverse("tenants:agents", args=[tenant.pk]))
        frame = tenant_frame(request, tenant, permissions, here="Import agents", section="agents", crumbs=[agents])
        edge = tenant.cell.base_url
    form, results = ImportForm(request.POST or None, request.FILES or None), []
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            found = actions.import_agents(by=actor, tenant=tenant, client_keys=form.cleaned_data["client_keys"])
            results = [{"line": each.line, "name": each.name, "mark": OUTCOMES[each.outcome]} for each in found]
    form.data = QueryDict()  # the keys that were typed do not come back in the page
    context = {"tenant": tenant, "form": form, "results": results, "edge": edge, "frame": frame}
    return render(request, "tenants/import.html", context, status=422 if form.errors else 200)

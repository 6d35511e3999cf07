"""A tenant's first page: its topology, what is under way, its facts, and the first steps of whoever is new."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.appearance import ONE_YEAR
from controlplane.rls import reading_as
from controlplane.transactions import calls_out
from organizations import access
from tenants import first_run
from tenants.provisioning import queries
from tenants.provisioning.views import overview_of


@login_required
@require_safe
def overview(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """A tenant with its topology, what is under way and its facts."""
    context = overview_of(request, tenant_id)
    permissions = context["frame"].permissions
    path = None if _is_hidden(request) else first_run.steps_of(context["tenant"], permissions)
    return render(request, "tenants/overview.html", {**context, "path": path})


@login_required
@require_safe
def live(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """The part of a tenant's first page that changes by itself."""
    return render(request, "tenants/live.html", overview_of(request, tenant_id))


@calls_out
@login_required
@never_cache
@require_safe
def first_steps(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """How far the first steps are, with the edge asked for what only it knows."""
    actor = actor_of(request)
    with reading_as(actor.rls_actor):
        tenant = queries.find(actor, tenant_id)
        permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
        path = None if _is_hidden(request) else first_run.steps_of(tenant, permissions)
        log = first_run.log_to_ask(actor, tenant, permissions) if path else None
    if log is not None:
        path = first_run.with_first_alert(tenant, log)
    return render(request, "tenants/first_steps.html", {"tenant": tenant, "path": path})


@login_required
@require_POST
def hide_first_steps(request: HttpRequest, tenant_id: str) -> HttpResponseBase:
    """Show them no more in this browser."""
    actor = actor_of(request)
    access.require(actor, "token.create", queries.find(actor, tenant_id).organization_id)
    answer = redirect("tenants:overview", tenant_id)
    answer.set_cookie(
        first_run.HIDDEN_COOKIE, "hidden", max_age=ONE_YEAR, samesite="Lax", secure=request.is_secure(), httponly=True
    )
    return answer


def _is_hidden(request: HttpRequest) -> bool:
    return request.COOKIES.get(first_run.HIDDEN_COOKIE) == "hidden"

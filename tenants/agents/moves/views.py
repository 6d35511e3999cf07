"""Moves of agents: begun for the chosen ones, with a token shown once, and followed to each agent's end."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from organizations import access
from organizations.frame import Frame, Link
from organizations.names import names_of
from tenants.agents.models import AgentMove
from tenants.agents.moves import actions, queries
from tenants.agents.moves.forms import MoveForm
from tenants.agents.moves.rows import move_row
from tenants.enrollment.installers.links import link_of
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant

MOVES_A_PAGE = 50


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Moves out of a tenant."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    page = page_of(queries.moves_of(actor, tenant), cursor=request.GET.get("cursor") or None, limit=MOVES_A_PAGE)
    names = names_of(move.created_by for move in page.rows)
    context = {
        "tenant": tenant,
        "moves": [move_row(move, names) for move in page.rows],
        "page": pager(page),
        "frame": _frame(request, actor, tenant, "Moves"),
    }
    return render(request, "tenants/moves.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Ask where the chosen agents are to go; on POST, show the token this once."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    access.require(actor, "agent.manage", tenant.organization_id)
    given = request.POST if request.method == "POST" else request.GET
    agents = given.getlist("agents")
    form = MoveForm(queries.targets_for(actor, tenant), request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            chosen = {**form.cleaned_data, "target": provisioning.find(actor, form.cleaned_data["target"])}
            move, secret = actions.move(by=actor, tenant=tenant, agents=agents, **chosen)
            return _page(request, actor, tenant, move, secret)
    context = {"tenant": tenant, "form": form, "agents": agents, "frame": _frame(request, actor, tenant, "Move agents")}
    return render(request, "tenants/move_new.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str, move_id: str) -> HttpResponse:
    """One move with how far each agent is."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    return _page(request, actor, tenant, queries.move(actor, tenant, move_id))


@login_required
@require_POST
def cancel(request: HttpRequest, tenant_id: str, move_id: str) -> HttpResponse:
    """Let nobody come any more."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    move = actions.cancel(by=actor, move=queries.move(actor, tenant, move_id))
    messages.success(request, "The token is ended. Who has not arrived stays here.")
    return redirect("tenants:move", tenant.pk, move.pk)


def _page(request: HttpRequest, actor: Actor, tenant: Tenant, move: AgentMove, secret: str = "") -> HttpResponse:
    row = move_row(move, names_of([move.created_by]))
    crumb = Link("Moves", reverse("tenants:moves", args=[tenant.pk]))
    frame = _frame(request, actor, tenant, row["title"], crumb)
    context: dict[str, Any] = {
        "tenant": tenant,
        "move": row,
        "secret": secret,
        "script_url": _script_of(actor, move),
        "can_manage": "agent.manage" in frame.permissions,
        "frame": frame,
    }
    return render(request, "tenants/move.html", context)


def _script_of(actor: Actor, move: AgentMove) -> str:
    """Where the script for the target is fetched; empty for whoever does not see that tenant."""
    if not provisioning.visible_to(actor).filter(pk=move.target_tenant_id).exists():
        return ""
    return f"{link_of(move.token_id)}?os=unix"


def _frame(request: HttpRequest, actor: Actor, tenant: Tenant, here: str, *crumbs: Link) -> Frame:
    permissions = access.require(actor, "agent.view", tenant.organization_id).permissions
    agents = Link("Agents", reverse("tenants:agents", args=[tenant.pk]))
    return tenant_frame(request, tenant, permissions, here=here, section="agents", crumbs=[agents, *crumbs])

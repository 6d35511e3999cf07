"""A tenant's agents, all agents of an organization and its clients, and one agent."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.keyset import page_of, pager
from organizations import access
from organizations import queries as organizations
from organizations.frame import Link, frame_for
from organizations.trail.search import search_of
from tenants.agents import queries
from tenants.agents.files import csv_of
from tenants.agents.forms import OrderForm
from tenants.agents.rows import chips, history_row, inventory_row, result_row, summed_up, unread_words
from tenants.agents.search import AgentSearch, InventorySearch, narrowed
from tenants.enrollment import actions
from tenants.enrollment import queries as enrollment
from tenants.enrollment.agents import ask_again_if_old
from tenants.enrollment.forms import QuarantineForm
from tenants.enrollment.models import Agent
from tenants.enrollment.rows import agent_row
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame

AGENTS_A_PAGE = 50


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """A tenant's agents with what the edge last said of each; looking has them read anew if that is old."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    permissions = access.require(actor, "agent.view", tenant.organization_id).permissions
    ask_again_if_old(tenant)
    form = AgentSearch(request.GET)
    can_manage = "agent.manage" in permissions
    context = {
        **_found(request, enrollment.agents_of(actor, tenant), form, agent_row),
        "tenant": tenant,
        "can_manage": can_manage,
        "selecting": can_manage and "select" in request.GET,
        "order_form": OrderForm(),
        "reading": enrollment.agent_reading(actor, tenant),
        "can_quarantine": "agent.quarantine" in permissions,
        "frame": tenant_frame(request, tenant, permissions, here="Agents", section="agents"),
    }
    return render(request, "tenants/agents.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def inventory(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Agents of all tenants of an organization and, for an MSP, of its clients, as last read: looking reads nothing."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    agents = queries.inventory_of(actor, organization)
    form = InventorySearch(request.GET)
    frame = frame_for(request, organization, here="Inventory", section="inventory")
    can_manage = "agent.manage" in frame.permissions
    context = {
        **_found(request, agents, form, inventory_row),
        "can_manage": can_manage,
        "selecting": can_manage and "select" in request.GET,
        "order_form": OrderForm(),
        "unread": unread_words(queries.unread_in(actor, organization)),
        "frame": frame,
    }
    return render(request, "tenants/inventory.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def export(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What the inventory's search finds, as a file."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    agents = queries.inventory_of(actor, organization)
    return csv_of(narrowed(agents, search_of(request.GET, InventorySearch)))


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str, number: str) -> HttpResponse:
    """One agent: what is known of it, how it joined, when it came and went, what can be done with it."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    permissions = access.require(actor, "agent.view", tenant.organization_id).permissions
    ask_again_if_old(tenant)
    agent = enrollment.agent(actor, tenant, number)
    crumb = Link("Agents", reverse("tenants:agents", args=[tenant.pk]))
    context = {
        "tenant": tenant,
        "agent": agent_row(agent),
        "reason": agent.quarantine_reason,
        "reading": enrollment.agent_reading(actor, tenant),
        "history": [history_row(change) for change in queries.connection_history(actor, agent)],
        "orders": [result_row(result) for result in queries.results_of(actor, agent)],
        "order_form": OrderForm(initial={"groups": ", ".join(agent.groups)}),
        "can_manage": "agent.manage" in permissions,
        "can_quarantine": "agent.quarantine" in permissions,
        "frame": tenant_frame(request, tenant, permissions, here=agent.name, section="agents", crumbs=[crumb]),
    }
    return render(request, "tenants/agent.html", context)


@login_required
@require_POST
def quarantine(request: HttpRequest, tenant_id: str, number: str) -> HttpResponse:
    """Cut an agent off."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    agent = enrollment.agent(actor, tenant, number)
    form = QuarantineForm(request.POST)
    if form.is_valid():
        actions.quarantine(by=actor, agent=agent, reason=form.cleaned_data["reason"])
        messages.success(request, f"{agent.name} is being cut off. Its credential works no more.")
    else:
        messages.error(request, "Say why in a few words: the audit log keeps it. Nothing was changed.")
    return redirect("tenants:agent", tenant.pk, agent.number)


def _found(request: HttpRequest, agents: QuerySet[Agent], form: AgentSearch, row: Any) -> dict[str, Any]:
    """One page of a search, and how many agents are in which state whatever state was asked for."""
    if not form.is_valid():
        return {"form": form, "searched": True, "agents": [], "chips": [], "counts": {"total": 0}}
    found = page_of(narrowed(agents, form), cursor=request.GET.get("cursor") or None, limit=AGENTS_A_PAGE)
    counts = queries.counts(narrowed(agents, form, without="state"))
    return {
        "form": form,
        "searched": bool(form.given),
        "query": form.address(),
        "agents": [row(agent) for agent in found.rows],
        "page": pager(found, keeping=form.address() + ("&select=1" if "select" in request.GET else "")),
        "counts": counts,
        "chips": chips(counts, form),
        "summary": summed_up(counts),
    }

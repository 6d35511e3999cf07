"""Orders over several tenants: tried out for the chosen agents, given, listed, followed, and given again."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.keyset import page_of, pager
from controlplane.problems import Invalid
from organizations import access
from organizations import queries as organizations
from organizations.frame import Frame, Link, frame_for
from organizations.models import Organization
from organizations.names import names_of
from tenants.agents.batches import actions, queries
from tenants.agents.forms import OrderForm
from tenants.agents.models import AgentBatch
from tenants.agents.rows import TITLES, order_row, words_of


@login_required
@require_safe
def listing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What was ordered over several tenants."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    page = page_of(queries.batches_of(actor, organization), cursor=request.GET.get("cursor") or None)
    names = names_of(batch.created_by for batch in page.rows)
    context = {
        "batches": [_row(batch, names) for batch in page.rows],
        "page": pager(page),
        "frame": _frame(request, organization, "Orders"),
    }
    return render(request, "tenants/agent_batches.html", context)


@login_required
@require_POST
def create(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Show what would become of the chosen agents, tenant by tenant; with `go`, do it."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "agent.manage", organization)
    form, chosen = OrderForm(request.POST), request.POST.getlist("agents")
    if not form.is_valid():
        return _back(request, organization, "Say what is to be done with the agents. Nothing was changed.")
    asked = {"by": actor, "organization": organization, "selection": _selection(chosen), **form.cleaned_data}
    try:
        if "go" in request.POST:
            batch, _ = actions.give(**asked)
            return redirect("tenants:agent-batch", organization.pk, batch.pk)
        parts = actions.attempt(**asked)
    except Invalid as problem:
        return _back(request, organization, problem.detail)
    kind = form.cleaned_data["kind"]
    context = {
        "title": TITLES[kind],
        "words": words_of(kind, form.cleaned_data),
        "parts": parts,
        "given": {name: request.POST.get(name, "") for name in ("kind", "groups", "version")},
        "agents": chosen,
        "frame": _frame(request, organization, TITLES[kind]),
    }
    return render(request, "tenants/agent_batch_new.html", context)


@login_required
@require_safe
def page(request: HttpRequest, organization_id: str, batch_id: str) -> HttpResponse:
    """One of them with what became of each agent."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    batch = queries.batch(actor, organization, batch_id)
    orders, refused = queries.orders_of(actor, batch), queries.refused_of(actor, batch)
    row = _row(batch, names_of([batch.created_by]))
    parts = [{"tenant": order.tenant, "organization": order.organization, **order_row(order, {})} for order in orders]
    failed = any(result["failed"] for part in parts for result in part["results"])
    crumb = Link("Orders", reverse("tenants:agent-batches", args=[organization.pk]))
    frame = _frame(request, organization, row["title"], crumb)
    context: dict[str, Any] = {
        "batch": row,
        "parts": parts,
        "refused": refused,
        "is_open": any(part["is_open"] for part in parts),
        "can_retry": "agent.manage" in frame.permissions and (failed or bool(refused)),
        "frame": frame,
    }
    return render(request, "tenants/agent_batch.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, organization_id: str, batch_id: str) -> HttpResponse:
    """The same once more of the agents for which it failed."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    batch = queries.batch(actor, organization, batch_id)
    again, _ = actions.retry(by=actor, batch=batch, organization=organization)
    messages.success(request, "Ordered once more, of the agents for which it had failed.")
    return redirect("tenants:agent-batch", organization.pk, again.pk)


def _selection(chosen: list[str]) -> dict[str, list[str]]:
    """Numbers by tenant, of values such as `<tenant>:001`."""
    selection: dict[str, list[str]] = {}
    for each in chosen:
        tenant_id, _, number = each.partition(":")
        selection.setdefault(tenant_id, []).append(number)
    return selection


def _row(batch: AgentBatch, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": batch.pk,
        "title": TITLES[batch.kind],
        "words": words_of(batch.kind, batch.arguments),
        "created_by": names.get(batch.created_by, "–"),
        "created_at": batch.created_at,
    }


def _back(request: HttpRequest, organization: Organization, words: str) -> HttpResponse:
    messages.error(request, words)
    return redirect(f"{reverse('tenants:inventory', args=[organization.pk])}?select=1")


def _frame(request: HttpRequest, organization: Organization, here: str, *crumbs: Link) -> Frame:
    inventory = Link("Inventory", reverse("tenants:inventory", args=[organization.pk]))
    return frame_for(request, organization, here=here, section="inventory", crumbs=[inventory, *crumbs])

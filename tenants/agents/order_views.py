"""Orders about agents: given for the chosen ones, listed, followed until each agent's end."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.keyset import page_of, pager
from controlplane.problems import Invalid
from organizations import access
from organizations.frame import Frame, Link
from organizations.names import names_of
from tenants.agents import queries
from tenants.agents.forms import OrderForm
from tenants.agents.rows import order_row
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant

ORDERS_A_PAGE = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """What was ordered of a tenant's agents; on POST, one order more."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    if request.method == "POST":
        return _give(request, actor, tenant)
    page = page_of(queries.orders_of(actor, tenant), cursor=request.GET.get("cursor") or None, limit=ORDERS_A_PAGE)
    names = names_of(order.created_by for order in page.rows)
    context = {
        "tenant": tenant,
        "orders": [order_row(order, names) for order in page.rows],
        "page": pager(page),
        "frame": _frame(request, actor, tenant, "Orders"),
    }
    return render(request, "tenants/agent_orders.html", context)


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str, order_id: str) -> HttpResponse:
    """One order with what became of each agent."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    order = queries.order(actor, tenant, order_id)
    row = order_row(order, names_of([order.created_by]))
    crumb = Link("Orders", reverse("tenants:agent-orders", args=[tenant.pk]))
    frame = _frame(request, actor, tenant, row["title"], crumb)
    return render(request, "tenants/agent_order.html", {"tenant": tenant, "order": row, "frame": frame})


def _give(request: HttpRequest, actor: Actor, tenant: Tenant) -> HttpResponse:
    access.require(actor, "agent.manage", tenant.organization_id)
    form = OrderForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say what is to be done with the agents. Nothing was changed.")
        return redirect("tenants:agents", tenant.pk)
    try:
        order = form.given(actor, tenant, request.POST.getlist("agents"))
    except Invalid as problem:
        messages.error(request, problem.detail)
        return redirect("tenants:agents", tenant.pk)
    return redirect("tenants:agent-order", tenant.pk, order.pk)


def _frame(request: HttpRequest, actor: Actor, tenant: Tenant, here: str, *crumbs: Link) -> Frame:
    permissions = access.require(actor, "agent.view", tenant.organization_id).permissions
    agents = Link("Agents", reverse("tenants:agents", args=[tenant.pk]))
    return tenant_frame(request, tenant, permissions, here=here, section="agents", crumbs=[agents, *crumbs])

"""A tenant's status for its own people, its public links, and who is told."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from organizations import access
from organizations.accounts import guessing
from organizations.accounts.forms import EmailForm
from organizations.addresses import checked_address
from organizations.hostnames.serving import link_of
from tenants.provisioning import queries as tenants
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant
from tenants.provisioning.topology import draw
from tenants.status import links, queries, rows, subscriptions, tenant_board
from tenants.status.forms import LinkForm
from tenants.status.marks import state_of


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """How the tenant is and was, node by node, what is planned, and who is told."""
    return _page(request, tenants.find(actor_of(request), tenant_id))


@login_required
@never_cache
@require_POST
def make_link(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Make a public link, and show it this once."""
    actor = actor_of(request)
    tenant = tenants.find(actor, tenant_id)
    form = LinkForm(request.POST)
    if form.is_valid():
        with told_on(form):
            link, token = links.make(by=actor, tenant=tenant, title=form.cleaned_data["title"])
            address = link_of(tenant.organization_id, "tenants:public-status", token)
            return _page(request, tenant, made=link, address=address)
    return _page(request, tenant, link_form=form)


@login_required
@require_POST
def revoke_link(request: HttpRequest, tenant_id: str, link_id: str) -> HttpResponse:
    """Shut a public link."""
    actor = actor_of(request)
    link = links.revoke(by=actor, tenant=tenants.find(actor, tenant_id), link_id=link_id)
    messages.success(request, f"The link “{link.title}” opens nothing any more.")
    return redirect("tenants:status", tenant_id)


@login_required
@require_POST
def subscribe(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have an address asked whether it wants to be told."""
    actor = actor_of(request)
    tenant = tenants.find(actor, tenant_id)
    form = EmailForm(request.POST)
    if form.is_valid():
        with told_on(form):
            address = checked_address(form.cleaned_data["email"])
            access.require(actor, "tenant.operate", tenant.organization_id)
            guessing.count_mail(actor.address, address)
            subscriptions.ask_for(by=actor, tenant=tenant, email=address)
            messages.success(request, f"{address} gets a mail, and is told once it has confirmed there.")
            return redirect("tenants:status", tenant_id)
    return _page(request, tenant, email_form=form)


@login_required
@require_POST
def unsubscribe(request: HttpRequest, tenant_id: str, subscription_id: str) -> HttpResponse:
    """End somebody's subscription."""
    actor = actor_of(request)
    subscriptions.remove(by=actor, tenant=tenants.find(actor, tenant_id), subscription_id=subscription_id)
    messages.success(request, "This address is told no more.")
    return redirect("tenants:status", tenant_id)


def _page(request: HttpRequest, tenant: Tenant, **more: Any) -> HttpResponse:
    actor = actor_of(request)
    permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
    may = "tenant.operate" in permissions
    history = page_of(queries.periods_of(actor, tenant), cursor=request.GET.get("cursor") or None, limit=20)
    context: dict[str, Any] = {
        **rows.tenant_page(tenant_board.of(tenant, tenant.name)),
        "tenant": tenant,
        "nodes": draw(tenant.spec, tenant.edge_view).nodes,
        "history": [{"period": each, "mark": state_of(each.state)} for each in history.rows],
        "page": pager(history),
        "can_operate": may,
        "can_tell": may and not tenant.is_leaving,
        "links": queries.links_of(actor, tenant).filter(revoked_at=None),
        "subscriptions": queries.subscriptions_of(actor, tenant)[: subscriptions.MOST] if may else [],
        "link_form": LinkForm(initial={"title": tenant.name}),
        "email_form": EmailForm(),
        "frame": tenant_frame(request, tenant, permissions, here="Status", section="status"),
        **more,
    }
    faulty = any(context[name].errors for name in ("link_form", "email_form"))
    return render(request, "tenants/status.html", context, status=422 if faulty else 200)

"""Where people arrive: the front page, an organization's tenants, an MSP's clients."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from billing.queries import plans_on_offer
from controlplane.actor import Actor, actor_of
from controlplane.forms import told_on
from fleet.forms import ClientForm
from fleet.rows import chips, client_rows
from organizations import access, queries
from organizations.actions import clients as client_actions
from organizations.frame import frame_for
from organizations.models import Organization
from tenants.provisioning import queries as provisioning
from tenants.provisioning.prices import money
from tenants.provisioning.rows import TenantRow, rows_of, summed_up


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Strangers read what this is; whoever is signed in goes to their organization."""
    actor = actor_of(request)
    if not actor.is_signed_in:
        prices = [plan.price_cents for plan in plans_on_offer() if plan.price_cents]
        return render(request, "front.html", {"price": money(min(prices)) if prices else ""})
    organization = queries.visible_to(actor).order_by("kind", "created_at").first()
    own = queries.belongings_of(actor).first()
    if organization is None and own is None:
        return redirect("sign-up")
    return redirect("fleet:home", own.organization_id if own else organization.pk)  # type: ignore[union-attr]


@login_required
@require_safe
def home(request: HttpRequest, organization_id: str) -> HttpResponse:
    """An organization's tenants, or an MSP's clients."""
    actor = actor_of(request)
    organization = queries.find(actor, organization_id)
    access.require(actor, "tenant.view", organization)
    return (_clients if organization.is_msp else _tenants)(request, actor, organization)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_client(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Found a client organization."""
    actor = actor_of(request)
    organization = queries.find(actor, organization_id)
    access.require(actor, "client.manage", organization)
    form = ClientForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            client = client_actions.create_client(by=actor, msp=organization, name=form.cleaned_data["name"])
            messages.success(request, f"{client.name} is your client now.")
            return redirect("fleet:home", client.pk)
    frame = frame_for(request, organization, here="Add client", section="home")
    return render(request, "fleet/client_new.html", {"form": form, "frame": frame}, status=422 if form.errors else 200)


def _tenants(request: HttpRequest, actor: Actor, organization: Organization) -> HttpResponse:
    rows = _rows(actor, [organization])
    frame = frame_for(request, organization, here="Tenants", section="home")
    context = {
        "rows": rows,
        "summary": summed_up(rows),
        "can_create": "tenant.create" in frame.permissions,
        "frame": frame,
    }
    return render(request, "tenants/list.html", context)


def _clients(request: HttpRequest, actor: Actor, msp: Organization) -> HttpResponse:
    clients = list(queries.clients_of(actor, msp).order_by("name"))
    tenants = _rows(actor, clients)
    rows = client_rows(clients, tenants, _where_may_create(actor, clients, tenants))
    wanted = request.GET.get("state", "")
    frame = frame_for(request, msp, here="Clients", section="home")
    context: dict[str, Any] = {
        "rows": rows,
        "shown": [row for row in rows if not wanted or row.status == wanted],
        "chips": chips(rows, wanted),
        "summary": summed_up(tenants),
        "own": _rows(actor, [msp]),
        "simulated": any(row.tenant.runtime == "stand-in" for row in tenants),
        "can_add": "client.manage" in frame.permissions,
        "frame": frame,
    }
    return render(request, "fleet/home.html", context)


def _rows(actor: Actor, organizations: list[Organization]) -> list[TenantRow]:
    ids = [organization.pk for organization in organizations]
    tenants = provisioning.living(actor).filter(organization_id__in=ids).order_by("name")
    return rows_of(tenants, provisioning.running_operations(actor, ids))


def _where_may_create(actor: Actor, clients: list[Organization], tenants: list[TenantRow]) -> set[str]:
    """Only clients without a tenant are asked about: their lines are the only ones that offer it."""
    have = {row.tenant.organization_id for row in tenants}
    return {client.pk for client in clients if client.pk not in have and access.may(actor, "tenant.create", client)}

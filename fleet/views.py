"""Where people arrive: the front page, an organization's tenants; an MSP's are in `clients`."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from billing.queries import plans_on_offer
from controlplane.actor import Actor, actor_of
from fleet import queries
from fleet.clients.views import clients
from organizations import access
from organizations import queries as organizations
from organizations.frame import frame_for
from organizations.models import Organization
from organizations.standings import may
from tenants.first_run import AHEAD
from tenants.provisioning import queries as provisioning
from tenants.provisioning.prices import money
from tenants.provisioning.rows import summed_up


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Strangers read what this is; whoever is signed in goes to their organization, an MSP's people to the alerts."""
    actor = actor_of(request)
    if not actor.is_signed_in:
        prices = [plan.price_cents for plan in plans_on_offer() if plan.price_cents]
        return render(request, "front.html", {"price": money(min(prices)) if prices else ""})
    home = queries.home_of(actor)
    if home is None:
        return redirect("sign-up")
    comes_to_alerts = home.is_msp and may(actor, "events.read", home)
    return redirect("fleet:alerts" if comes_to_alerts else "fleet:home", home.pk)


@login_required
@require_safe
def home(request: HttpRequest, organization_id: str) -> HttpResponse:
    """An organization's tenants, or an MSP's clients."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "tenant.view", organization)
    return (clients if organization.is_msp else _tenants)(request, actor, organization)


def _tenants(request: HttpRequest, actor: Actor, organization: Organization) -> HttpResponse:
    rows = queries.tenants_of(actor, organization)
    frame = frame_for(request, organization, here="Tenants", section="home")
    context = {
        "rows": rows,
        "summary": summed_up(rows),
        "can_create": "tenant.create" in frame.permissions,
        "has_bin": bool(rows) or provisioning.in_bin(actor, organization.pk).exists(),
        "ahead": AHEAD,
        "frame": frame,
    }
    return render(request, "tenants/list.html", context)

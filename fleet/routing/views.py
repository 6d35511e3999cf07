"""Where alerts are told: destinations, routes, and the log of notices."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from controlplane.problems import NotFound
from fleet.alerts.queries import organizations_around
from fleet.routing import actions, queries
from fleet.routing.forms import DestinationForm, RouteForm
from fleet.routing.models import Destination
from fleet.routing.rows import destination_row, notice_row, route_row
from organizations import access
from organizations import queries as organizations
from organizations.frame import Frame, Link, frame_for
from organizations.models import Organization


@login_required
@require_safe
def overview(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Destinations, routes and what was told lately."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    return _overview(request, actor, organization)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_destination(request: HttpRequest, organization_id: str, kind: str) -> HttpResponse:
    """Make a destination of a kind."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "alert.route", organization)
    if kind not in Destination.Kind.values:
        raise NotFound("There is no such kind of destination.")
    form = DestinationForm(kind, request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            made = actions.add_destination(by=actor, organization=organization, **form.asked())
            messages.success(request, f"{made.name} is there. Send it a test, then make a route to it.")
            return redirect("fleet:routing", organization.pk)
    label = Destination.Kind(kind).label
    frame = _frame(request, organization, f"Add {label}", _crumb(organization, "Routing", "fleet:routing"))
    context = {"form": form, "kind": label, "frame": frame}
    return render(request, "fleet/destination_new.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def test_destination(request: HttpRequest, organization_id: str, destination_id: str) -> HttpResponse:
    """Send a test."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    destination = queries.destination(actor, organization, destination_id)
    actions.try_destination(by=actor, destination=destination)
    messages.success(request, f"A test is on its way to {destination.name}. The log below says whether it was taken.")
    return redirect("fleet:routing", organization.pk)


@login_required
@require_POST
def remove_destination(request: HttpRequest, organization_id: str, destination_id: str) -> HttpResponse:
    """Remove a destination with its routes."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    destination = queries.destination(actor, organization, destination_id)
    actions.remove_destination(by=actor, destination=destination)
    messages.success(request, f"{destination.name} is told nothing any more.")
    return redirect("fleet:routing", organization.pk)


@login_required
@require_POST
def add_route(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Make a route."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    form = _route_form(actor, organization, request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        with told_on(form):
            destination = queries.destination(actor, organization, given.pop("destination"))
            actions.add_route(by=actor, organization=organization, destination=destination, **given)
            messages.success(request, f"{destination.name} is told of such alerts from now on.")
            return redirect("fleet:routing", organization.pk)
    return _overview(request, actor, organization, form)


@login_required
@require_POST
def remove_route(request: HttpRequest, organization_id: str, route_id: str) -> HttpResponse:
    """Remove a route."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    actions.remove_route(by=actor, route=queries.route(actor, organization, route_id))
    messages.success(request, "The route is gone.")
    return redirect("fleet:routing", organization.pk)


@login_required
@require_POST
def replay(request: HttpRequest, organization_id: str, notice_id: str) -> HttpResponse:
    """Send a notice again."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    actions.replay(by=actor, notice=queries.notice(actor, organization, notice_id))
    messages.success(request, "It is sent again.")
    return redirect("fleet:routing", organization.pk)


def _overview(
    request: HttpRequest, actor: Actor, organization: Organization, form: RouteForm | None = None
) -> HttpResponse:
    destinations = list(queries.destinations_of(actor, organization))
    names = {each.pk: each.name for each in organizations_around(actor, organization)}
    page = page_of(queries.notices_of(actor, organization), cursor=request.GET.get("cursor") or None, limit=25)
    context: dict[str, Any] = {
        "kinds": Destination.Kind.choices,
        "destinations": [destination_row(each) for each in destinations],
        "routes": [route_row(each, names) for each in queries.routes_of(actor, organization)],
        "notices": [notice_row(each) for each in page.rows],
        "page": pager(page),
        "form": form or _route_form(actor, organization),
        "frame": _frame(request, organization, "Routing"),
    }
    return render(request, "fleet/routing.html", context, status=422 if form and form.errors else 200)


def _route_form(actor: Actor, organization: Organization, data: Any = None) -> RouteForm:
    around = organizations_around(actor, organization) if organization.is_msp else []
    return RouteForm(queries.destinations_of(actor, organization), around, data)


def _crumb(organization: Organization, label: str, name: str) -> Link:
    return Link(label, reverse(name, args=[organization.pk]))


def _frame(request: HttpRequest, organization: Organization, here: str, *crumbs: Link) -> Frame:
    above = [_crumb(organization, "Alerts", "fleet:alerts"), *crumbs]
    return frame_for(request, organization, here=here, section="alerts", crumbs=above)

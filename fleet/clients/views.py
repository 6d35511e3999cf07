"""An MSP's first page: its clients' tenants, narrowed and sorted; and the views that are kept of it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.queries import plans_on_offer
from controlplane import ordered
from controlplane.actor import Actor, actor_of
from controlplane.problems import Invalid
from fleet.clients import actions, queries
from fleet.clients.bulk_forms import TITLES
from fleet.clients.filters import Asked
from fleet.clients.forms import FilterForm, ViewForm
from fleet.clients.frame import frame_under_fleet
from fleet.clients.models import FleetView
from fleet.clients.rows import chips, line_of, quick_chips, sort_words, sorts, span_words, summed_up, tabs
from organizations import access
from organizations import queries as organizations
from organizations.frame import frame_for
from organizations.models import Organization

ON_A_PAGE = 50


def clients(request: HttpRequest, actor: Actor, msp: Organization) -> HttpResponse:
    """The fleet, as far as the address narrows it. Raises Malformed, naming the parameter."""
    views = list(queries.views_of(actor, msp).order_by("name"))
    view = _chosen(views, request.GET.get("view", ""))
    asked = Asked.read({**(view.parameters if view else {}), **request.GET.dict()})
    page = ordered.page_of(
        queries.lines(actor, msp, asked), asked.order, cursor=request.GET.get("cursor") or None, limit=ON_A_PAGE
    )
    under_way = queries.under_way(line["tenant_id"] for line in page.rows if line["tenant_id"])
    lines = [line_of(line, msp, under_way) for line in page.rows]
    frame = frame_for(request, msp, here="Fleet", section="home")
    is_bare, closed = not asked.values and page.previous is None, queries.closed_to(actor, msp)
    context: dict[str, Any] = {
        "lines": lines,
        "closed": closed,
        "is_empty": is_bare and not lines and not closed,
        "summary": summed_up(queries.states(actor, msp)),
        "tabs": tabs(views, asked, view.pk if view else ""),
        "view": view,
        "view_is_mine": view is not None and may_change(actor, view, frame.permissions),
        "view_form": ViewForm(view, frame.permissions),
        "asked": asked,
        "chips": chips(asked),
        "quick": quick_chips(asked),
        "sorts": sorts(asked),
        "sort_words": sort_words(asked),
        "page": {**ordered.pager(page, keeping=_rest(request)), "words": span_words(lines)},
        "simulated": any(line.simulated for line in lines),
        "selecting": "select" in request.GET and "tenant.operate" in frame.permissions,
        "can_operate": "tenant.operate" in frame.permissions,
        "titles": TITLES,
        "can_add": "client.manage" in frame.permissions,
        "frame": frame,
    }
    return render(request, "fleet/home.html", context)


def may_change(actor: Actor, view: FleetView, permissions: frozenset[str]) -> bool:
    """Whether somebody is offered to change a view; `actions` decides."""
    return actions.SHARE in permissions if view.shared else view.owner_id == actor.user_id


@login_required
@require_safe
def narrow(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What the fleet can be narrowed by: as a part of its page, or as a page of its own where no script runs."""
    msp = _msp(request, organization_id)
    asked = Asked.read(request.GET.dict())
    plans = [(plan.code, plan.name) for plan in plans_on_offer()]
    context: dict[str, Any] = {"form": FilterForm(plans, asked), "home": reverse("fleet:home", args=[msp.pk])}
    if "HX-Request" in request.headers:
        return render(request, "fleet/filter_form.html", context)
    context["frame"] = frame_under_fleet(request, msp, "Filter")
    return render(request, "fleet/filter.html", context)


@login_required
@require_POST
def save(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Keep what narrows the list as a view."""
    msp = _msp(request, organization_id)
    asked = Asked.read(request.POST.dict())
    try:
        view = actions.save(by=actor_of(request), msp=msp, asked=asked, **_named(request))
    except Invalid as problem:
        messages.error(request, problem.detail)
        return redirect(f"{reverse('fleet:home', args=[msp.pk])}?{asked.address()}")
    messages.success(request, f"The view “{view}” is kept.")
    return _to(view)


@login_required
@require_POST
def change(request: HttpRequest, organization_id: str, fleet_view_id: str) -> HttpResponse:
    """Call a view something else, share it or keep it to oneself."""
    actor, msp = actor_of(request), _msp(request, organization_id)
    view = queries.view(actor, msp, fleet_view_id)
    try:
        actions.change(by=actor, view=view, **_named(request))
    except Invalid as problem:
        messages.error(request, problem.detail)
    return _to(view)


@login_required
@require_POST
def remove(request: HttpRequest, organization_id: str, fleet_view_id: str) -> HttpResponse:
    """Keep a view no longer."""
    actor, msp = actor_of(request), _msp(request, organization_id)
    view = queries.view(actor, msp, fleet_view_id)
    actions.remove(by=actor, view=view)
    messages.success(request, f"The view “{view}” is gone. Its tenants are as they were.")
    return redirect("fleet:home", msp.pk)


def _msp(request: HttpRequest, organization_id: str) -> Organization:
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "tenant.view", organization)
    return organization


def _rest(request: HttpRequest) -> str:
    """The address's query without its position."""
    rest = request.GET.copy()
    rest.pop("cursor", None)
    return rest.urlencode()


def _named(request: HttpRequest) -> dict[str, Any]:
    return {"name": request.POST.get("view_name", ""), "shared": "shared" in request.POST}


def _chosen(views: list[FleetView], view_id: str) -> FleetView | None:
    """The view of the address; one that is gone narrows nothing."""
    return next((view for view in views if view.pk == view_id), None)


def _to(view: FleetView) -> HttpResponse:
    return redirect(f"{reverse('fleet:home', args=[view.organization_id])}?view={view.pk}")

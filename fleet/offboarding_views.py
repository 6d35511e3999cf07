"""A technician leaves everywhere: what it closes, doing it, and the receipt."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.actor import actor_of
from fleet.offboarding import confirmed_by_edge
from organizations import queries
from organizations.actions import offboarding
from organizations.frame import Link
from organizations.settings_page import organization_of, settings_page

SHOWN = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def offboard(request: HttpRequest, organization_id: str, membership_id: str) -> HttpResponse:
    """What would be closed; on POST, it is."""
    actor, msp = actor_of(request), organization_of(request, organization_id)
    if request.method == "POST":
        receipt = offboarding.offboard(by=actor, msp=msp, membership_id=membership_id)
        messages.success(request, f"{receipt.name} has left {msp}.")
        return redirect("fleet:offboarding", organization_id, receipt.pk)
    plan = offboarding.preview(by=actor, msp=msp, membership_id=membership_id)
    context = {"plan": plan, "person": plan.membership.user}
    return settings_page(
        request,
        msp,
        "members",
        "Offboard",
        context,
        template="fleet/offboard.html",
        crumbs=(_members(organization_id),),
    )


@login_required
@never_cache
@require_safe
def receipt(request: HttpRequest, organization_id: str, offboarding_id: str) -> HttpResponse:
    """What was closed, and what the edge has confirmed by now."""
    actor, msp = actor_of(request), organization_of(request, organization_id)
    found = queries.offboarding(actor, msp, offboarding_id)
    closed, kept = ([offboarding.Item(**each) for each in rows] for rows in (found.closed, found.kept))
    context = {"receipt": found, "closed": closed, "kept": kept, "edge": confirmed_by_edge(actor, msp, found)}
    crumbs = (_members(organization_id), Link("Who has left", reverse("fleet:offboardings", args=[organization_id])))
    return settings_page(request, msp, "members", found.name, context, template="fleet/offboarding.html", crumbs=crumbs)


@login_required
@require_safe
def receipts(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Everybody who has left this way, the newest first."""
    actor, msp = actor_of(request), organization_of(request, organization_id)
    rows = queries.offboardings_of(actor, msp)[:SHOWN]
    crumbs = (_members(organization_id),)
    return settings_page(
        request, msp, "members", "Who has left", {"rows": rows}, template="fleet/offboardings.html", crumbs=crumbs
    )


def _members(organization_id: str) -> Link:
    return Link("Members", reverse("settings:members", args=[organization_id]))

"""Something done with many tenants: what it would do with each, then begun. It is followed on the roll-out's page."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from controlplane.actor import Actor, actor_of
from controlplane.problems import Conflict, Invalid
from fleet.clients import bulk
from fleet.clients.bulk_forms import BulkForm
from fleet.clients.frame import frame_under_fleet
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from tenants.provisioning.scheduling import NOW
from tenants.rollouts.rows import OUTCOMES

KEPT = frozenset({"what", "when", "ring", "days", "start", "minutes", "time_zone"})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Show what would become of the chosen tenants, one by one; on POST, begin."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    access.require(actor, "tenant.operate", msp)
    given = request.POST if request.method == "POST" else request.GET
    form, outlook, fault = BulkForm(given), None, ""
    try:
        tenants = form.tenants or _of_view(actor, msp, given.get("view", ""))
        if form.is_whole:
            order = bulk.Order(
                form.cleaned_data["what"], tenants, form.arguments(), form.cleaned_data.get("when") or NOW
            )
            if request.method == "POST":
                begun = bulk.begin(actor, msp, order)
                messages.success(request, "It is begun. What becomes of each tenant shows here.")
                return redirect("tenants:rollout", msp.pk, begun.pk)
            outlook = bulk.foresee(actor, msp, order)
    except (Invalid, Conflict) as problem:
        tenants, fault = form.tenants, problem.detail
    context: dict[str, Any] = {
        "form": form,
        "chosen": tenants,
        "outlook": outlook,
        "rows": [(each.tenant, OUTCOMES[each.outcome].saying(why=each.reason)) for each in outlook.targets]
        if outlook
        else [],
        "fault": fault,
        "hidden": [(name, value) for name, values in given.lists() for value in values if name in KEPT],
        "frame": frame_under_fleet(request, msp, "Chosen tenants"),
    }
    return render(request, "fleet/act.html", context, status=422 if fault else 200)


def _of_view(actor: Actor, msp: Organization, view_id: str) -> list[str]:
    if not view_id:
        raise Invalid("Choose the tenants first. Nothing was begun.", field="tenants")
    return bulk.tenants_of_view(actor, msp, view_id)

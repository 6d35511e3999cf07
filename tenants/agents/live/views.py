"""Searching the agents of many tenants as they are now."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from controlplane.actor import actor_of
from controlplane.problems import Malformed
from controlplane.rls import reading_as
from controlplane.transactions import calls_out
from organizations import access
from organizations import queries as organizations
from organizations.frame import Link, frame_for
from tenants.agents.live.asking import DEADLINE_SECONDS, Answers, Found, ask, tenants_to_ask
from tenants.agents.live.forms import LiveSearch
from tenants.enrollment.marks import AGENT


@calls_out
@login_required
@never_cache
@require_safe
def search(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask every tenant now; without a search, only the form."""
    actor, form, fault = actor_of(request), LiveSearch(request.GET), ""
    with reading_as(actor.rls_actor):
        organization = organizations.find(actor, organization_id)
        access.require(actor, "agent.view", organization)
        inventory = Link("Inventory", reverse("tenants:inventory", args=[organization.pk]))
        frame = frame_for(request, organization, here="Live search", section="inventory", crumbs=[inventory])
        wanted = form.cleaned_data if form.is_valid() and form.asks else None
        try:
            tenants = tenants_to_ask(actor, organization, wanted) if wanted is not None else []
        except Malformed as problem:
            tenants, wanted, fault = [], None, f"{problem.detail} {problem.hint}"
    answers: Answers | None = ask(tenants, wanted) if wanted is not None else None
    context: dict[str, Any] = {
        "form": form,
        "fault": fault,
        "answers": answers,
        "agents": [_row(found) for found in answers.found] if answers else [],
        "seconds": DEADLINE_SECONDS,
        "frame": frame,
    }
    return render(request, "tenants/agents_live.html", context, status=422 if form.errors or fault else 200)


def _row(found: Found) -> dict[str, Any]:
    agent = found.agent
    state = "quarantined" if agent.get("quarantined") else str(agent.get("status"))
    return {
        **agent,
        "mark": AGENT.get(state),
        "tenant": found.tenant,
        "url": reverse("tenants:agent", args=[found.tenant.pk, agent["id"]]),
    }

"""Finding a tenant or an agent by a part of its name, across everything that the asker may see."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from controlplane.actor import Actor, actor_of
from organizations import queries as organizations
from tenants.enrollment.models import Agent
from tenants.provisioning import marks, queries

MOST = 6
LONGEST = 80


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Results as a part of the search window, or as a page of their own where no script runs."""
    asked = request.GET.get("q", "").strip()[:LONGEST]
    found = _found(actor_of(request), asked) if asked else {}
    is_part = "HX-Request" in request.headers
    return render(request, "tenants/found.html" if is_part else "tenants/search.html", {"asked": asked, **found})


def _found(actor: Actor, asked: str) -> dict[str, list[dict[str, Any]]]:
    tenants = queries.living(actor).filter(name__icontains=asked).order_by("name")[:MOST]
    return {"tenants": [_tenant(tenant) for tenant in tenants], "agents": _agents(actor, asked)}


def _tenant(tenant: Any) -> dict[str, Any]:
    return {
        "name": tenant.name,
        "mark": marks.of_tenant(tenant),
        "note": tenant.organization.name,
        "url": reverse("tenants:overview", args=[tenant.pk]),
    }


def _agents(actor: Actor, asked: str) -> list[dict[str, Any]]:
    tenants = queries.living(actor).filter(organization__in=organizations.visible_to(actor, "agent.view"))
    seen = Agent.objects.filter(tenant__in=tenants.select_related(None), name__icontains=asked)
    return [
        {
            "name": agent.name,
            "note": agent.tenant.name,
            "url": reverse("tenants:agent", args=[agent.tenant_id, agent.number]),
        }
        for agent in seen.select_related("tenant").order_by("name")[:MOST]
    ]

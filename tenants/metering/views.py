"""What a tenant used, as charts and tables."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from controlplane.actor import actor_of
from organizations import access
from tenants.metering import charts, queries
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame


@login_required
@require_safe
def usage(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Charts of the last hours or days; an address without a known range shows the usual one."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
    chosen = request.GET.get("range", charts.BY_DEFAULT)
    chosen = chosen if chosen in charts.RANGES else charts.BY_DEFAULT
    wanted, now = charts.RANGES[chosen], timezone.now()
    first = charts.moments_of(wanted, now)[0]
    rows = queries.used(tenant, since=first, until=now, by=wanted.by)
    context = {
        "tenant": tenant,
        "charts": charts.draw(rows, wanted, now),
        "range": wanted,
        "ranges": _chips(chosen),
        "frame": tenant_frame(request, tenant, permissions, here="Usage", section="usage"),
    }
    return render(request, "tenants/usage.html", context)


def _chips(chosen: str) -> list[dict[str, Any]]:
    return [
        {"label": each.label, "url": f"?range={key}", "current": key == chosen} for key, each in charts.RANGES.items()
    ]

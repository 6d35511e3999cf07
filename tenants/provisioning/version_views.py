"""Another version or other sizes for a tenant: the buttons, and the page of sizes with their prices."""

from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.entitlements import entitlement_of
from billing.queries import plans_on_offer
from controlplane.actor import actor_of
from organizations import access
from organizations.frame import Link
from tenants.provisioning import queries, versions
from tenants.provisioning.buttons import asked, timed_button, when_of, words_for
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.kinds import RESIZE
from tenants.provisioning.models import Tenant
from tenants.provisioning.previews import foreseen
from tenants.provisioning.prices import PlanCard, plan_cards

rollback = timed_button(versions.roll_back, "goes back to the version before. Every step shows here.")


@login_required
@require_POST
def upgrade(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have a tenant run another version."""
    version = request.POST.get("version", "")
    words = f"changes to version {version}. It is backed up first, and rolled back by itself if it does not serve."
    upgrade = partial(versions.upgrade, version=version, when=when_of(request))
    return asked(request, tenant_id, upgrade, words_for(request, words))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def resize(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Show what each plan's sizes would cost and change; on POST, take those of one."""
    if request.method == "POST":
        plan = request.POST.get("plan") or None
        words = "takes the plan's sizes. Every step shows here."
        resize = partial(versions.resize, plan=plan, when=when_of(request))
        return asked(request, tenant_id, resize, words_for(request, words))
    tenant = queries.find(actor_of(request), tenant_id)
    permissions = access.require(actor_of(request), "tenant.operate", tenant.organization_id).permissions
    entitlement = entitlement_of(tenant.organization_id)
    cards = plan_cards(plans_on_offer(), entitlement, may_change="billing.manage" in permissions)
    settings = Link("Settings", reverse("tenants:settings", args=[tenant.pk]))
    context = {
        "tenant": tenant,
        "next_window": tenant.next_window,
        "choices": [_choice(tenant, card) for card in cards],
        "frame": tenant_frame(request, tenant, permissions, here="Sizes", section="settings", crumbs=[settings]),
    }
    return render(request, "tenants/resize.html", context)


def _choice(tenant: Tenant, card: PlanCard) -> dict[str, Any]:
    preview = foreseen(RESIZE, organization_id=tenant.organization_id, tenant=tenant, plan=card.plan)
    why_not = versions.why_no_resize(tenant, card.plan)
    if not why_not and not card.open:
        why_not = "Only who manages billing can change the plan."
    return {"card": card, "preview": preview, "why_not": why_not}

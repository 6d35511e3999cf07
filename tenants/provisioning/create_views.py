"""Asking for a new tenant: what it is, what it costs, and how many more there may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from billing import actions as billing
from billing.entitlements import Entitlement, entitlement_of
from billing.models import Plan
from billing.queries import plans_on_offer
from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import access
from organizations import queries as organizations
from organizations.frame import frame_for
from organizations.models import Organization
from organizations.standings import may
from tenants.provisioning import actions, queries
from tenants.provisioning.forms import CreateForm
from tenants.provisioning.models import Tenant
from tenants.provisioning.previews import foreseen
from tenants.provisioning.prices import plan_cards, versions_on_offer


@dataclass(frozen=True)
class Offer:
    """What one organization may choose from."""

    entitlement: Entitlement
    plans: Sequence[Plan]
    versions: Sequence[str]

    @property
    def first_choice(self) -> dict[str, str]:
        """What is chosen before anybody has chosen."""
        return {"plan": self.entitlement.plan.code, "version": self.versions[0] if self.versions else ""}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Show what a new tenant is and costs; on POST, ask for it."""
    organization = organizations.find(actor_of(request), organization_id)
    access.require(actor_of(request), "tenant.create", organization)
    offer = Offer(entitlement_of(organization.pk), list(plans_on_offer()), versions_on_offer(organization.jurisdiction))
    form = CreateForm(request.POST or None, plans=offer.plans, versions=offer.versions, initial=offer.first_choice)
    if request.method == "POST" and form.is_valid():
        with told_on(form), transaction.atomic():
            tenant = _create(request, organization, offer.entitlement, form.cleaned_data)
            messages.success(request, f"{tenant.name} is on its way. Every step shows here.")
            return redirect("tenants:overview", tenant.pk)
    context = {**_told(request, organization, offer), "form": form}
    return render(request, "tenants/create.html", context, status=422 if form.errors else 200)


def _create(
    request: HttpRequest, organization: Organization, entitlement: Entitlement, chosen: dict[str, Any]
) -> Tenant:
    actor = actor_of(request)
    if chosen["plan"] != entitlement.plan.code:
        plan = plans_on_offer().get(pk=chosen["plan"])
        billing.change_plan(by=actor, organization_id=organization.pk, plan=plan)
    tenant, _ = actions.create(
        by=actor,
        organization=organization,
        name=chosen["name"],
        version=chosen["version"],
        sleep_after_minutes=chosen["sleep_after_minutes"],
        backups=chosen["backups"],
    )
    return tenant


def _told(request: HttpRequest, organization: Organization, offer: Offer) -> dict[str, Any]:
    actor = actor_of(request)
    may_change_plan = may(actor, "billing.manage", organization)
    used = queries.living(actor).filter(organization=organization).count()
    return {
        "organization": organization,
        "entitlement": offer.entitlement,
        "plans": plan_cards(offer.plans, offer.entitlement, may_change=may_change_plan),
        "versions": offer.versions,
        "left": max(offer.entitlement.max_tenants - used, 0),
        "may_change_plan": may_change_plan,
        "preview": foreseen("create", organization_id=organization.pk, tenant=None),
        "frame": frame_for(request, organization, here="Create tenant", section="home"),
    }

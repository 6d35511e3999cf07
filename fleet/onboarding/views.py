"""A client brought in by a form: what it is to have, and then what was made."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.actor import actor_of
from controlplane.forms import told_on
from fleet.client_templates import queries as templates
from fleet.clients.frame import frame_under_fleet
from fleet.onboarding.actions import Onboarded, onboard
from fleet.onboarding.forms import ClientForm
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from organizations.roles.named import role_name


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_client(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask what a client is to have; on POST, make all of it and show its token this once."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    access.require(actor, "client.manage", msp, confirmed=True)
    given = request.POST if request.method == "POST" else None
    known = templates.by_name(templates.all_of(msp.pk))
    form = ClientForm(given, templates=known)
    if form.is_bound and form.is_valid():
        with told_on(form):
            return _made(request, msp, onboard(by=actor, msp=msp, wanted=form.wanted()))
    frame = frame_under_fleet(request, msp, "Add client")
    return render(request, "fleet/client_new.html", {"form": form, "frame": frame}, status=422 if form.errors else 200)


def _made(request: HttpRequest, msp: Organization, made: Onboarded) -> HttpResponse:
    frame = frame_under_fleet(request, msp, made.client.name)
    context: dict[str, Any] = {"made": made, "steps": _steps(made), "frame": frame}
    return render(request, "fleet/client_made.html", context)


def _steps(made: Onboarded) -> list[dict[str, str]]:
    """What was made, in its order, with where it is found."""
    client = made.client
    found = [
        {"words": f"{client.name} is an organization of its own", "url": reverse("fleet:home", args=[client.pk])},
        {"words": f"Your people's access there is at most that of the role {role_name(client.pk, made.role_ceiling)}"},
    ]
    if made.template:
        url = reverse("fleet:client-of-template", args=[made.template.organization_id, client.pk])
        found.append({"words": f"It has the template {made.template.name}", "url": url})
    if made.tenant and made.operation:
        url = reverse("tenants:operation", args=[made.tenant.pk, made.operation.pk])
        found.append({"words": f"{made.tenant.name} is being created: follow its steps", "url": url})
    found += [
        {"words": f"{each.email} is invited as {role_name(client.pk, each.role).lower()}"} for each in made.invitations
    ]
    return found

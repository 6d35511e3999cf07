"""Where an MSP's person breaks into a client in an emergency, and either side ends it."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.request import Request

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import queries
from organizations.actions import emergency_access
from organizations.actions import working as work_actions
from organizations.frame import home_url
from organizations.models import EmergencyAccess, Organization
from organizations.models.access_request import LONGEST_REASON
from organizations.msp import working
from organizations.settings_page import organization_of


class ReasonForm(forms.Form):
    """Why it is an emergency."""

    reason = forms.CharField(
        label="What happened",
        max_length=LONGEST_REASON,
        help_text="The client's owners read it in a mail that goes out now.",
    )


def break_into(request: HttpRequest | Request, client: Organization, *, grant_id: str, reason: str) -> EmergencyAccess:
    """Begin an emergency, and work there from now on: without, the session's next request would still be refused."""
    actor = actor_of(request)
    made = emergency_access.begin(by=actor, client=client, grant_id=grant_id, reason=reason)
    grant = work_actions.begin(by=actor, client=client, grant_id=grant_id)
    working.begin(request, grant_id=grant.pk, msp_id=grant.msp_id)
    return made


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def break_in(request: HttpRequest, organization_id: str, grant_id: str) -> HttpResponse:
    """Ask for the reason; on POST, work in the client up to its ceiling for emergencies."""
    actor, client = actor_of(request), organization_of(request, organization_id)
    grant = queries.grant_over(actor, client, grant_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            break_into(request, client, grant_id=grant.pk, reason=form.cleaned_data["reason"])
            messages.warning(request, f"You are in {client} for an hour at most. Its owners are told.")
            return redirect(home_url(client.pk))
    context = {"client": client, "grant": grant, "form": form, "ceiling": grant.get_emergency_ceiling_display()}
    return render(request, "organizations/emergency.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def end(request: HttpRequest, organization_id: str, emergency_id: str) -> HttpResponse:
    """End an emergency, from the client's page or the person's own."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    emergency = queries.emergency_around(actor, organization, emergency_id)
    emergency_access.end(by=actor, emergency=emergency)
    messages.success(request, "The emergency access has ended. What was opened by it closes.")
    if queries.own_standing(actor, organization.pk) and organization.pk == emergency.client_id:
        return redirect("settings:access", organization_id)
    return redirect(home_url(emergency.msp_id))

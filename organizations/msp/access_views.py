"""Pages on which an organization decides which MSPs work in it: requests, reviews, withdrawal."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane import outbox
from controlplane.actor import Actor, actor_of
from controlplane.forms import told_on
from organizations import access, queries
from organizations.actions import access_requests, grants, reviews
from organizations.frame import Link
from organizations.models import EmergencyAccess, Organization
from organizations.msp.forms import STANDING, AllowForm, CodeForm, terms_of
from organizations.msp.rows import grant_row
from organizations.names import names_of
from organizations.permissions import Role
from organizations.settings_page import organization_of, settings_page


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def access_by_others(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Who works here without belonging here; on POST, the code of a request is looked at."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    standing = access.require(actor, "member.view", organization)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            access_requests.checked_code(form.cleaned_data["code"])
            return redirect("settings:access-answer", organization_id, form.cleaned_data["code"].strip())
    context = {
        "grants": [grant_row(grant, grant.msp) for grant in queries.grants_over(actor, organization)],
        "emergencies": _emergencies(actor, organization),
        "can_decide": standing.is_own_word,
        "waiting": outbox.waiting(organization.pk),
        "form": form,
    }
    return settings_page(request, organization, "access", "Access by others", context, form=form)


@login_required
@never_cache
@require_safe
def request_for_access(request: HttpRequest, code: str) -> HttpResponse:
    """Where a mailed request leads: to the organization in whose name the person can answer it."""
    own = queries.decided_by(actor_of(request))
    if len(own) == 1:
        return redirect("settings:access-answer", own[0].pk, code)
    return render(request, "organizations/access_request.html", {"organizations": own, "code": code})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, organization_id: str, code: str) -> HttpResponse:
    """What an MSP asks for; on POST, let it in or turn it down."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    asked = access_requests.asked(by=actor, organization=organization, code=code)
    known = {"role_ceiling": asked.role_ceiling, "days": str(asked.days) if asked.days else STANDING}
    form = AllowForm(request.POST or None, initial=known)
    if request.method == "POST" and request.POST.get("answer") == "decline":
        access_requests.decline(by=actor, organization=organization, code=code)
        messages.success(request, f"{asked.msp_name} hears that the request was turned down, and not by whom.")
        return redirect("settings:access", organization_id)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            access_requests.approve(by=actor, organization=organization, code=code, **terms_of(form))
            messages.success(request, f"{asked.msp_name} has access now.")
            return redirect("settings:access", organization_id)
    context = {"asked": asked, "form": form, "role": Role(asked.role_ceiling).label}
    return settings_page(
        request,
        organization,
        "access",
        "Request",
        context,
        form=form,
        template="organizations/settings/access_answer.html",
        crumbs=(Link("Access by others", reverse("settings:access", args=[organization_id])),),
    )


@login_required
@require_POST
def review_grant(request: HttpRequest, organization_id: str, grant_id: str) -> HttpResponse:
    """Say anew what an MSP may do and for how long."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    grant = queries.grant_over(actor, organization, grant_id)
    form = AllowForm(request.POST)
    if form.is_valid():
        reviews.review(by=actor, grant=grant, **terms_of(form))
        messages.success(request, f"{grant.msp} has access up to {Role(form.cleaned_data['role_ceiling']).label}.")
    else:
        messages.error(request, "Choose a role and a time from the lists. Nothing was changed.")
    return redirect("settings:access", organization_id)


@login_required
@require_POST
def withdraw_grant(request: HttpRequest, organization_id: str, grant_id: str) -> HttpResponse:
    """End an MSP's access, from the client's page or the MSP's."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    grant = queries.grant_around(actor, organization, grant_id)
    by_client = grant.client_id == organization.pk
    name = str(grant.msp if by_client else grant.client)
    grants.withdraw(by=actor, grant=grant)
    # Whoever came through this grant sees nothing here any more, so nothing is looked up after it has ended.
    said = "{} has no access any more." if by_client else "Your access to {} has ended."
    messages.success(request, said.format(name) + " Open dashboards of the service provider's people close.")
    return (
        redirect("settings:access", organization_id)
        if by_client
        else redirect("settings:client-access", organization_id)
    )


def _emergencies(actor: Actor, organization: Organization) -> list[dict[str, Any]]:
    """Emergencies that go on here."""
    rows = list(queries.emergencies_in(actor, organization).filter(EmergencyAccess.running()))
    names, msps = names_of(row.user_id for row in rows), {row.msp_id: row.msp for row in rows}
    return [{"row": row, "person": names.get(row.user_id, row.user_id), "msp": msps[row.msp_id]} for row in rows]

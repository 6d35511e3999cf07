"""Doors of sign-in that do not depend on the protocol: begin, link, and enter another organization."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.appearance import allow_forms_to
from controlplane.problems import NotFound
from controlplane.transactions import calls_out
from organizations import queries
from organizations.access import NotAdmitted, require_control
from organizations.accounts import people
from organizations.actions.sign_in import connection_by_id
from organizations.frame import home_url
from organizations.models import Connection, Membership, Organization
from organizations.sso import departure, sessions
from organizations.sso.attempts import Attempt
from organizations.sso.completion import refused
from organizations.sso.oidc.provider import PLATFORM
from organizations.sso.outgoing import origin_of
from organizations.sso.proven import SignInRefused


@calls_out
@never_cache
@require_POST
def begin_platform(request: HttpRequest) -> HttpResponse:
    """Go to the platform's provider. A POST, so that no foreign page can sign somebody in by a mere link."""
    attempt = Attempt(PLATFORM, next=sessions.safe_next(request.POST.get("next", "")))
    try:
        return redirect(departure.to_platform(request, attempt))
    except SignInRefused as refusal:
        return refused(request, None, refusal)


@never_cache
@require_http_methods(["GET", "POST"])
def connection(request: HttpRequest, connection_id: str) -> HttpResponse:
    """An organization's own sign-in page; its button goes to the identity provider."""
    found = connection_by_id(connection_id)
    next_address = sessions.safe_next(request.POST.get("next") or request.GET.get("next") or "")
    if request.method == "POST":
        attempt = Attempt(found.pk, next=next_address if next_address != "/" else "")
        return redirect(departure.to_connection(request, found, attempt))
    page = render(
        request,
        "organizations/connection.html",
        {"connection": found, "organization": found.organization, "next": next_address},
    )
    allow_forms_to(page, origin_of(found.sign_in_url))
    return page


@never_cache
@require_POST
def link(request: HttpRequest, connection_id: str) -> HttpResponse:
    """
    Begin to tie a sign-in of the organization's identity provider to the account that is signed in.

    Both sides must be fresh: here within ten minutes, at the provider by asking it to authenticate again.
    """
    actor = actor_of(request)
    found = connection_by_id(connection_id)
    mine = Membership.objects.filter(user_id=actor.user_id, organization_id=found.organization_id, blocked_at=None)
    if not mine.exists():
        raise NotFound
    require_control(actor)
    attempt = Attempt(
        found.pk,
        purpose="link",
        next=sessions.safe_next(request.POST.get("next", "")),
        details={"user": actor.user_id},
    )
    return redirect(departure.to_connection(request, found, attempt))


@login_required
@never_cache
@require_GET
def enter(request: HttpRequest, organization_id: str) -> HttpResponse:
    """
    Where somebody is led whose session has not met what an organization of theirs demands of whoever enters.

    The page says what is demanded and leads to it; whoever lacks nothing any more goes on to where they wanted.
    """
    actor, next_address = actor_of(request), sessions.safe_next(request.GET.get("next", ""))
    try:
        queries.find(actor, organization_id)
    except NotAdmitted as refusal:
        return _lacking(request, refusal, next_address)
    return redirect(next_address if next_address != "/" else home_url(organization_id))


def _lacking(request: HttpRequest, refusal: NotAdmitted, next_address: str) -> HttpResponse:
    actor = actor_of(request)
    demand = next(entry.demand for entry in sessions.entries_of(request) if entry.demand.organization.pk == refusal.by)
    connections = list(Connection.objects.filter(id__in=demand.connections))
    context = {
        "organization": Organization.objects.get(pk=refusal.organization_id),
        "missing": refusal.missing,
        "address": actor.address,
        "connections": connections,
        "untied": [
            way.connection
            for way in queries.own_ways_in(actor, demand.organization)
            if not way.is_tied and way.connection.pk in demand.connections
        ],
        "with_factor": [one for one in connections if one.pk in demand.with_second_factor],
        "has_factor": people.factors_of(actor.user_id).any,
        "by_account": demand.takes_platform,
        "is_emergency": demand.is_strict and demand.breaks_glass,
        "next": next_address,
    }
    page = render(request, "organizations/enter.html", context, status=403 if refusal.missing == "address" else 200)
    allow_forms_to(page, *(origin_of(one.sign_in_url) for one in connections))
    return page

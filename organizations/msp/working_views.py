"""Where an MSP's person chooses to work in a client, and leaves it again."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from organizations import queries
from organizations.actions import working as actions
from organizations.frame import home_url, role_words
from organizations.msp import working
from organizations.settings_page import organization_of
from organizations.sso.sessions import safe_next
from organizations.standings import Standing, may, through_grants


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def work(request: HttpRequest, organization_id: str) -> HttpResponse:
    """The grants under which the person can work here; on POST, one is chosen."""
    actor, client = actor_of(request), organization_of(request, organization_id)
    next_address = safe_next(request.POST.get("next") or request.GET.get("next") or home_url(client.pk))
    ways = through_grants(actor, client)
    if not ways:
        return redirect(home_url(client.pk))
    if request.method == "POST":
        grant = actions.begin(by=actor, client=client, grant_id=request.POST.get("grant", ""))
        working.begin(request, grant_id=grant.pk, msp_id=grant.msp_id)
        return redirect(next_address)
    grants = queries.grants_named(actor, [way.grant_id for way in ways])
    allowing = {grant.pk for grant in grants if grant.emergency_ceiling}
    msps = {each.pk: each for each in queries.visible_to(actor).filter(pk__in=[way.msp_id for way in ways])}
    rows = [
        {
            "grant": way.grant_id,
            "msp": msps[way.msp_id],
            "role": role_words(way),
            "ends_at": way.ends_at,
            "emergency": way.grant_id in allowing and may(actor, "client.emergency", way.msp_id or ""),
        }
        for way in _best(ways)
        if way.msp_id in msps
    ]
    return render(request, "organizations/work.html", {"client": client, "ways": rows, "next": next_address})


@login_required
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Work in no client any more."""
    actor = actor_of(request)
    grant = actions.leave(by=actor)
    working.leave(request)
    if grant is None:
        return redirect("fleet:front")
    messages.success(request, "You have left the client. What you opened there closes.")
    return redirect(home_url(grant.msp_id))


def _best(ways: list[Standing]) -> list[Standing]:
    """One way for each grant: the one that can do most."""
    return list({way.grant_id: way for way in sorted(ways, key=lambda way: len(way.permissions))}.values())

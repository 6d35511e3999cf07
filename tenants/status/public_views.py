"""A tenant's status for whoever has a public link: states, days and plans, nothing of what it is made of."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_safe

from controlplane import rls
from controlplane.hosts import base_of
from controlplane.public_links import View, unlisted
from controlplane.transactions import calls_out
from organizations.branding.queries import look_for
from organizations.hostnames.serving import at_hostnames
from tenants.status import feeds, links, rows, subscriptions, tenant_board
from tenants.status.board import Board
from tenants.status.models import StatusLink
from tenants.status.platform_views import subscribing

SECONDS = 15
at_home = at_hostnames(lambda status_token: links.open_by(status_token).organization_id)


def by_link(view: View) -> View:
    """Reads only; kept by the visitor's browser alone."""
    return require_safe(unlisted(cache_control(private=True, max_age=SECONDS)(view)))


@at_home
@by_link
def page(request: HttpRequest, status_token: str) -> HttpResponse:
    """The tenant's state with ninety days behind it."""
    link = links.open_by(status_token)
    context = {**rows.tenant_page(_told(link)), "token": status_token, "look": look_for(link.organization_id)}
    return render(request, "status/tenant_public.html", context)


@at_home
@by_link
def as_json(request: HttpRequest, status_token: str) -> HttpResponse:
    """The same for programs."""
    return JsonResponse(_told(links.open_by(status_token)))


@at_home
@by_link
def feed(request: HttpRequest, status_token: str) -> HttpResponse:
    """Its changes of state, as an Atom feed."""
    addresses = [
        base_of(request) + reverse(name, args=[status_token])
        for name in ("tenants:public-status", "tenants:public-feed")
    ]
    told = _told(links.open_by(status_token))
    entries = feeds.of_changes(told, addresses[0])
    return feeds.answer(title=f"Status of {told['name']}", page=addresses[0], feed=addresses[1], entries=entries)


@at_home
@calls_out
@never_cache
@unlisted
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest, status_token: str) -> HttpResponse:
    """An address to be told; on POST, a mail asks it to confirm, whoever has it."""
    link = links.open_by(status_token)
    return subscribing(request, subscriptions.of_link(link), reverse("tenants:public-status", args=[status_token]))


def _told(link: StatusLink) -> Board:
    """What is told of the tenant behind a link, read as its organization."""
    with rls.reading_as(f"org:{link.organization_id}"):
        return tenant_board.of(link.tenant, link.title)

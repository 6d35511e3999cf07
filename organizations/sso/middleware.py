"""The one place that checks how a session may enter an organization."""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from controlplane import once, pages
from controlplane.actor import Actor, actor_of
from controlplane.transactions import SAFE, bind_actor
from organizations.access import NotAdmitted, NotConfirmed
from organizations.accounts import devices
from organizations.actions import browser_sessions
from organizations.msp.working import NotWorkingThere, working_of
from organizations.sso import sessions


class ProvenEntryMiddleware:
    """
    Gives the asker the organizations that their session has proven (`Actor.proofs`).

    1. A session whose row is missing or has ended is nobody's.
    2. `organizations.access` shows nothing of an organization whose policy the session has not met, through pages and
       API alike.
    3. Somebody who does belong to such an organization is led to what it asks for instead of to "not found".
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        self._enter(request)
        with once.remembering(request.method or ""):
            response = self.get_response(request)
        if cookie := devices.new_cookie(request):
            response.set_cookie(
                devices.COOKIE,
                cookie,
                max_age=devices.LASTS_SECONDS,
                httponly=True,
                samesite="Lax",
                secure=request.is_secure(),
            )
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Leads somebody who has to show something first, or to choose a client, to where they can, and back."""
        if pages.wants_json(request):
            return None
        if isinstance(exception, NotWorkingThere) and not request.headers.get("HX-Request"):
            request.failed = True  # type: ignore[attr-defined]
            return _led(request, "settings:work", exception.organization_id)
        if not isinstance(exception, NotConfirmed | NotAdmitted):
            return None
        request.failed = True  # type: ignore[attr-defined]
        if isinstance(exception, NotAdmitted):
            return _led(request, "enter", exception.organization_id)
        return _led(request, "confirm", **({"for": "account"} if exception.of_account else {}))

    def _enter(self, request: HttpRequest) -> None:
        actor = actor_of(request)
        if actor.kind != "user" or not actor.is_signed_in:
            return
        if _is_alive(request, actor):
            request.actor = _entered(request, actor)  # type: ignore[attr-defined]
            return
        auth.logout(request)
        bind_actor(request, Actor.nobody(request_id=actor.request_id, address=actor.address))


def _is_alive(request: HttpRequest, actor: Actor) -> bool:
    """Whether the session's row lives; keeps the pause since it was last used, and that it is used now."""
    row = browser_sessions.living(actor.user_id, actor.session_id or "")
    if row is None:
        return False
    request.paused_seconds = (timezone.now() - row.last_seen_at).total_seconds()  # type: ignore[attr-defined]
    if _is_poll(request):
        return True
    if request.paused_seconds >= sessions.SHORTEST_PAUSE_SECONDS:  # type: ignore[attr-defined]
        sessions.note_pause(request, request.paused_seconds)  # type: ignore[attr-defined]
    browser_sessions.touch(row, actor.address)
    return True


def _is_poll(request: HttpRequest) -> bool:
    """What pages read by themselves every few seconds does not mean that somebody is there."""
    return request.method == "GET" and request.headers.get("HX-Request") == "true"


def _entered(request: HttpRequest, actor: Actor) -> Actor:
    entries = sessions.entries_of(request)
    inside = [entry for entry in entries if not entry.missing]
    pauses = {entry.proven_at: sessions.longest_pause_since(request, entry.proven_at) for entry in inside}
    return actor.with_proofs(
        [(entry.demand.organization.pk, entry.way) for entry in inside],
        second_factor=[entry.demand.organization.pk for entry in inside if entry.second_factor],
        confirmed=sessions.is_fresh(request),
        in_control=sessions.is_in_control(request),
        working=working_of(request),
        lacks=[(entry.demand.organization.pk, entry.missing) for entry in entries if entry.missing],
        shown_at=[(entry.demand.organization.pk, entry.proven_at, pauses[entry.proven_at]) for entry in inside],
    )


def _led(request: HttpRequest, route: str, *where: str, **query: str) -> HttpResponse:
    """Leads to `route`, and from there back to what was asked for."""
    return redirect(f"{reverse(route, args=where)}?{urlencode({'next': _page_to_show(request), **query})}")


def _page_to_show(request: HttpRequest) -> str:
    """The page that was asked for; of a form that was sent, the page that it stands on."""
    return request.get_full_path() if request.method in SAFE else _page_before(request)


def _page_before(request: HttpRequest) -> str:
    """The page with the form that was sent, which is shown again; of ours only."""
    before = urlsplit(request.META.get("HTTP_REFERER", ""))
    ours = f"{before.scheme}://{before.netloc}" == settings.BASE_URL
    return sessions.safe_next(f"{before.path}{'?' if before.query else ''}{before.query}" if ours else "/")

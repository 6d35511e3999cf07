"""The one place that checks how a session may enter an organization."""

import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from controlplane import pages
from controlplane.actor import Actor, actor_of
from controlplane.problems import Forbidden
from controlplane.transactions import SAFE, bind_actor
from organizations.access import NotConfirmed
from organizations.accounts import devices
from organizations.actions import browser_sessions
from organizations.sso import sessions
from organizations.sso.sessions import Entry
from organizations.working import NotWorkingThere, working_of

_INSIDE = re.compile(r"^/o/(?P<organization>org_[a-z2-7]{20})/")


class ProvenEntryMiddleware:
    """
    Gives the asker the organizations that their session has proven (`Actor.proofs`).

    1. A session whose row is missing or has ended is nobody's.
    2. `organizations.access` shows nothing of an organization that is not proven, through pages and API alike.
    3. Somebody who does belong to such an organization is led to what it asks for instead of to "not found".
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        response = self._led_elsewhere(request) or self.get_response(request)
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
        """Leads somebody who has to confirm that it is them, or to choose a client, to where they can, and back."""
        if pages.wants_json(request):
            return None
        if isinstance(exception, NotWorkingThere) and not request.headers.get("HX-Request"):
            request.failed = True  # type: ignore[attr-defined]
            back = request.get_full_path() if request.method in SAFE else _page_before(request)
            return redirect(f"/o/{exception.organization_id}/work/?{urlencode({'next': back})}")
        if not isinstance(exception, NotConfirmed):
            return None
        request.failed = True  # type: ignore[attr-defined]
        query = {"next": _page_before(request), **({"for": "account"} if exception.of_account else {})}
        return redirect(f"/confirm/?{urlencode(query)}")

    def _led_elsewhere(self, request: HttpRequest) -> HttpResponseBase | None:
        actor = actor_of(request)
        if actor.kind != "user" or not actor.is_signed_in:
            return None
        if not _is_alive(request, actor):
            auth.logout(request)
            bind_actor(request, Actor.nobody(request_id=actor.request_id, address=actor.address))
            return None
        entries = sessions.entries_of(request)
        request.actor = _entered(request, actor, entries)  # type: ignore[attr-defined]
        inside = _INSIDE.match(request.path_info)
        wanted = inside["organization"] if inside else ""
        asked = next((entry for entry in entries if entry.demand.organization.pk == wanted), None)
        return _lead(request, asked) if asked and asked.missing else None


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


def _entered(request: HttpRequest, actor: Actor, entries: list[Entry]) -> Actor:
    inside = [entry for entry in entries if not entry.missing]
    return actor.with_proofs(
        [(entry.demand.organization.pk, entry.way) for entry in inside],
        second_factor=[entry.demand.organization.pk for entry in inside if entry.second_factor],
        confirmed=sessions.is_fresh(request),
        in_control=sessions.is_in_control(request),
        working=working_of(request),
    )


def _lead(request: HttpRequest, entry: Entry) -> HttpResponseBase:
    if entry.missing == "address":
        problem = Forbidden(
            "This organization can only be entered from networks on its list, and you come from elsewhere.",
            hint="Use your organization's network, or ask an administrator to add yours.",
            code="ADDRESS_NOT_ALLOWED",
        )
        return pages.problem_response(request, problem)
    query = urlencode({"next": request.get_full_path()})
    return redirect(f"/sso/enter/{entry.demand.organization.pk}/?{query}")


def _page_before(request: HttpRequest) -> str:
    """The page with the form that was sent, which is shown again; of ours only."""
    before = urlsplit(request.META.get("HTTP_REFERER", ""))
    ours = f"{before.scheme}://{before.netloc}" == settings.BASE_URL
    return sessions.safe_next(before.path if ours else "/")

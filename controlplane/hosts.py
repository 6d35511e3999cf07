"""
Which hosts are served: the portal's own address, and host names that organizations have proven to be theirs.

At an organization's name only its public pages answer. Its DNS is in other hands, and so may be what stands in front of
it: no session begins, counts or is seen there.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from controlplane import pages
from controlplane.problems import Malformed, NotFound

ASK = "/.well-known/tls-ask"
"""Asked by what ends TLS in front, with `?domain=`, before it has a certificate made for a name."""
ASKED_A_SECOND = 20
FORWARDED = frozenset({"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"})
LOCK_SECONDS = 24 * 3600
"""How long browsers insist on TLS at an organization's name, which may leave us tomorrow; never for names below it."""
_told_by: list[Callable[[str], str]] = []
_asked: deque[float] = deque(maxlen=ASKED_A_SECOND)


def owners_told_by(tell: Callable[[str], str]) -> None:
    """Registers what says whose a host is. Args: tell: is given the host in lower case; answers empty for nobody's."""
    _told_by.append(tell)


def home_of(request: HttpRequest) -> str:
    """The organization at whose host name a request came; empty at the portal's own."""
    return str(getattr(request, "at_home_of", ""))


def base_of(request: HttpRequest) -> str:
    """The address that links on a page begin with: that of the host name it is served at."""
    return f"{request.scheme}://{request.get_host()}" if home_of(request) else str(settings.BASE_URL)


def nothing_here() -> NotFound:
    """What everything that an organization's name does not serve answers: nobody there has an account to look with."""
    return NotFound("There is nothing public at this address.", hint="Ask for the link again where you have it from.")


class StrictHost:
    """
    Refuses every host but the portal's, port included, and those of organizations.

    Service-provider addresses and links are made from the request in places; a forged Host would send people and
    sign-in answers elsewhere.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        if request.path_info == ASK:
            return _may_have_certificate(request)
        host = request.META.get("HTTP_HOST", _own_host()).lower()
        if host == _own_host():
            return self.get_response(request)
        if owner := _owner_of(host):
            return self._at_home(request, host, owner)
        problem = Malformed(
            "This address is not served here.", code="WRONG_HOST", hint=f"The portal is at {settings.BASE_URL}."
        )
        return pages.problem_response(request, problem)

    def _at_home(self, request: HttpRequest, host: str, owner: str) -> HttpResponseBase:
        """
        Serves what is public at an organization's name.

        1. Nothing that proves somebody is read: neither the session's cookie nor a key.
        2. Plain HTTP is led to HTTPS at the same name, the front page to the portal, where people sign in.
        3. Only pages that are marked answer, and files of the product; everything else is not found.
        4. No cookie is set but the one against forged forms, which is worth nothing elsewhere.
        """
        _without_proofs(request)
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            return HttpResponsePermanentRedirect(f"https://{host}{request.get_full_path()}")
        if request.path_info == "/":
            return HttpResponseRedirect(f"{settings.BASE_URL}/o/{owner}/")
        request.at_home_of = owner  # type: ignore[attr-defined]
        if not _is_public(request.path_info):
            return pages.problem_response(request, nothing_here())
        # Judged just now, and for this one request: ALLOWED_HOSTS goes on naming the portal alone.
        request.get_host = lambda: host  # type: ignore[method-assign]
        response = self.get_response(request)
        for name in set(response.cookies) - {settings.CSRF_COOKIE_NAME}:
            del response.cookies[name]
        if "Strict-Transport-Security" in response.headers:
            response.headers["Strict-Transport-Security"] = f"max-age={LOCK_SECONDS}"
        return response


def _without_proofs(request: HttpRequest) -> None:
    kept = request.COOKIES.get(settings.CSRF_COOKIE_NAME)
    request.COOKIES = {settings.CSRF_COOKIE_NAME: kept} if kept else {}
    for header in ("HTTP_COOKIE", "HTTP_AUTHORIZATION"):
        request.META.pop(header, None)
    request.__dict__.pop("headers", None)


def _is_public(path: str) -> bool:
    if path.startswith(settings.STATIC_URL):
        return True
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    return bool(getattr(view, "at_hostnames", False))


def _may_have_certificate(request: HttpRequest) -> HttpResponse:
    """
    200 for a name that an organization has proven. The attack: names of strangers lead here, and certificates that are
    made for them use up what the authority gives us.

    Only the front itself asks, directly. The attack: strangers, who come through it and so were forwarded, ask so often
    that the front gets no answer.
    """
    if not FORWARDED.isdisjoint(request.META):
        return HttpResponse("", status=404, content_type="text/plain")
    now = time.monotonic()
    if len(_asked) == ASKED_A_SECOND and now - _asked[0] < 1:
        return HttpResponse("Too many at once.", status=429, content_type="text/plain", headers={"Retry-After": "1"})
    _asked.append(now)
    name = request.GET.get("domain", "").lower()
    port = urlsplit(settings.BASE_URL).port
    is_known = bool(_owner_of(f"{name}:{port}" if port else name))
    return HttpResponse("", status=200 if is_known else 404, content_type="text/plain")


def _owner_of(host: str) -> str:
    return next(filter(None, (tell(host) for tell in _told_by)), "")


def _own_host() -> str:
    return urlsplit(settings.BASE_URL).netloc.lower()

"""What every page shows without asking any room: brand and theme; and to which origins a page's forms may post."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from controlplane import csp

THEME_COOKIE = "theme"
THEMES = {"light": "portal", "dark": "portal-dark"}
ONE_YEAR = 365 * 24 * 3600


def context(request: HttpRequest) -> dict[str, Any]:
    """Template context of every page: brand, chosen theme, the server's clock for ages that count up."""
    chosen = request.COOKIES.get(THEME_COOKIE, "system")
    return {
        "brand": settings.BRAND,
        "theme_choice": chosen if chosen in THEMES else "system",
        "theme": THEMES.get(chosen, ""),
        "now": timezone.now(),
    }


@require_POST
def set_theme(request: HttpRequest) -> HttpResponseBase:
    """Keep the choice in a cookie: 'light', 'dark', anything else follows the system again."""
    choice = request.POST.get("theme", "")
    answer = redirect(_back(request))
    if choice in THEMES:
        answer.set_cookie(THEME_COOKIE, choice, max_age=ONE_YEAR, samesite="Lax", secure=request.is_secure())
    else:
        answer.delete_cookie(THEME_COOKIE, samesite="Lax")
    return answer


def _back(request: HttpRequest) -> str:
    # An open redirect would lend our address to a phishing page: only our own host, and only its path.
    before = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(before, allowed_hosts={request.get_host()}):
        parts = urlsplit(before)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return "/"


def allow_forms_to(response: HttpResponseBase, *origins: str) -> HttpResponseBase:
    """Let forms on this one response post, or be redirected after a post, to `origins` besides our own.

    Browsers apply form-action to the redirect that answers a form too, so a page that leads to an identity
    provider or to a tenant's dashboard must name it; every other page stays as strict as it was.
    """
    response._csp_config = csp.policy(form_action=[origin for origin in origins if origin])  # type: ignore[attr-defined]
    return response

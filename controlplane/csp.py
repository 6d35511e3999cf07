"""The content security policy, with what rooms add to it.

Chromium applies form-action to the redirect after a form's post as well. The portal's own forms post one-time codes
to the dashboards' zone, which only `tenants` knows; it registers a source of origins here.
"""

from collections.abc import Callable, Iterable, Sequence

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware

CACHE_KEY = "csp.form_targets"
CACHE_SECONDS = 60

_form_targets: list[Callable[[], Iterable[str]]] = []


def form_targets(source: Callable[[], Iterable[str]]) -> Callable[[], Iterable[str]]:
    """Registers a function that returns origins (wildcards allowed) to which the portal's forms may post."""
    _form_targets.append(source)
    return source


def forget_form_targets() -> None:
    """Makes the next answer ask the sources again, as after a cell was added."""
    cache.delete(CACHE_KEY)


def policy(*, form_action: Iterable[str] = ()) -> dict[str, Sequence[str]]:
    """Returns the policy of a page. Args: form_action: further origins its forms may lead to."""
    allowed = [*settings.SECURE_CSP["form-action"], *_targets(), *form_action]
    return {**settings.SECURE_CSP, "form-action": list(dict.fromkeys(allowed))}


def _targets() -> list[str]:
    known = cache.get(CACHE_KEY)
    if known is None:
        known = sorted({origin for source in _form_targets for origin in source()})
        cache.set(CACHE_KEY, known, CACHE_SECONDS)
    return list(known)


class ContentSecurityPolicy(ContentSecurityPolicyMiddleware):
    """Django's middleware with the rooms' form targets, on HTML answers that set no policy themselves."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Adds the header."""
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and response.status_code < 500 and not hasattr(response, "_csp_config"):
            response._csp_config = policy()  # type: ignore[attr-defined]
        return super().process_response(request, response)

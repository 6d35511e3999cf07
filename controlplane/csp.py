"""The content security policy of pages, and what one page may add to it.

Chromium applies form-action to the redirect after a form's post as well, so a page that leads elsewhere names where.
"""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware


def policy(*, form_action: Iterable[str] = ()) -> dict[str, Sequence[str]]:
    """Returns the policy of a page. Args: form_action: further origins its forms may lead to."""
    allowed = [*settings.SECURE_CSP["form-action"], *form_action]
    return {**settings.SECURE_CSP, "form-action": list(dict.fromkeys(allowed))}


class ContentSecurityPolicy(ContentSecurityPolicyMiddleware):
    """Django's middleware, on HTML answers only; a page that set a policy itself keeps it."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Adds the header."""
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and response.status_code < 500 and not hasattr(response, "_csp_config"):
            response._csp_config = policy()  # type: ignore[attr-defined]
        return super().process_response(request, response)

"""Only the portal's own address is served."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane import pages
from controlplane.problems import Malformed


class StrictHost:
    """Refuses any other Host, port included.

    Service-provider addresses and links are made from the request in places; a forged Host would send people and
    sign-in answers elsewhere.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        if request.META.get("HTTP_HOST", _own_host()).lower() != _own_host():
            problem = Malformed(
                "This address is not served here.", code="WRONG_HOST", hint=f"The portal is at {settings.BASE_URL}."
            )
            return pages.problem_response(request, problem)
        return self.get_response(request)


def _own_host() -> str:
    return urlsplit(settings.BASE_URL).netloc.lower()

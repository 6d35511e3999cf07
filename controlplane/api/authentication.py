"""Sign-in of API calls by the browser's session; API keys belong to `organizations.keys`."""

from typing import Any

from rest_framework.authentication import SessionAuthentication as BySession
from rest_framework.request import Request


class SessionAuthentication(BySession):
    """The portal's own pages may call the API with their session, under the same CSRF check as a form."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Returns the person of the session; a request with an API key is not looked at."""
        return None if "Authorization" in request.headers else super().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        """Makes a missing sign-in a 401."""
        return "Bearer"

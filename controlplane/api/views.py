"""What API views derive from."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from controlplane.actor import Actor, actor_of
from controlplane.api import idempotency
from controlplane.api.throttling import rate_limit_headers
from controlplane.models import RememberedAnswer


class ApiDoor(APIView):
    """Idempotency-Key on POST, RateLimit headers, and the asker as `self.actor`."""

    pending_answer: RememberedAnswer | None = None

    @property
    def actor(self) -> Actor:
        """Who is asking."""
        return actor_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After sign-in, permissions and throttle: takes the idempotency key."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            self.pending_answer = idempotency.begin(request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Remembers the answer and adds headers."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.pending_answer is not None and not getattr(response, "exception", False):
            idempotency.remember(self.pending_answer, response)
        for name, value in rate_limit_headers(request).items():
            response[name] = value
        response.setdefault("Cache-Control", "no-store")
        return response


class ApiView(ApiDoor):
    """One address, a method a verb."""


class ApiViewSet(ApiDoor, GenericViewSet):
    """A collection and its members."""

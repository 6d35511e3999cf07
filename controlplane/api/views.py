"""What API views derive from."""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane import rls
from controlplane.actor import Actor, actor_of
from controlplane.api import idempotency
from controlplane.api.pagination import KeysetPagination
from controlplane.api.throttling import rate_limit_headers
from controlplane.models import RememberedAnswer


class ApiDoor(APIView):
    """Idempotency-Key on POST, RateLimit headers, and the asker as `self.actor`.

    A class that sets `calls_out` (see `controlplane.transactions`) reads under ``reading_as`` and writes by `written`.
    """

    calls_out = False
    pending_answer: RememberedAnswer | None = None

    @property
    def actor(self) -> Actor:
        """Who is asking."""
        return actor_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After sign-in, permissions and throttle: takes the idempotency key."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and not self.calls_out:
            self.pending_answer = idempotency.begin(request)

    def written(self, request: Request, write: Callable[[], Response]) -> Response:
        """The answer of what a view that calls out writes: in one transaction, and of a POST once for its key."""
        with rls.acting_as(self.actor.rls_actor):
            row = idempotency.begin(request) if request.method == "POST" else None
            response = write()
            if row is not None:
                idempotency.remember(row, response)
        return response

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


class ListView(ApiView):
    """A collection that is answered page by page."""

    pagination_class = KeysetPagination

    def page(self, rows: Any, serializer: type[Any], **context: Any) -> Response:
        """One page of `rows` in the form of `serializer`."""
        paginator = KeysetPagination()
        found = paginator.paginate_queryset(rows, self.request, self)
        return paginator.get_paginated_response(serializer(found, many=True, context=context).data)


def valid(serializer: type[Any], request: Request) -> dict[str, Any]:
    """The body's fields; raises the framework's error, which becomes a problem naming each field."""
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)

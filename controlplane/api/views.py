"""What API views derive from."""

from collections.abc import Callable
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.fields import CharField
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from controlplane import once, rls
from controlplane.actor import Actor, actor_of
from controlplane.api import idempotency, preconditions, validate_only
from controlplane.api.pagination import KeysetPagination
from controlplane.api.throttling import rate_limit_headers
from controlplane.models import RememberedAnswer

TAGGED = frozenset({"GET", "HEAD", "PATCH", "PUT"})


class ApiDoor(APIView):
    """Idempotency-Key on POST, RateLimit headers, and the asker as `self.actor`.

    A class that sets `calls_out` (see `controlplane.transactions`) reads under ``reading_as`` and writes by `written`.
    `only_validates` lists the methods that can be asked what they would do, by ``?validate_only=true``: such a request
    takes no idempotency key, because it has no effect.
    """

    calls_out = False
    only_validates: tuple[str, ...] = ()
    validating = False
    pending_answer: RememberedAnswer | None = None

    @property
    def actor(self) -> Actor:
        """Who is asking."""
        return actor_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After sign-in, permissions and throttle: takes the idempotency key."""
        super().initial(request, *args, **kwargs)
        once.begin_anew()
        self.validating = validate_only.is_asked(request, self.only_validates)
        if request.method == "POST" and not self.calls_out and not self.validating:
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
    """One address of the REST API, a method a verb: ETag, and If-Match on changes."""

    tagged: frozenset[str] | None = None
    """What of an answer its ETag stands for; None for all of it (see `controlplane.api.preconditions`)."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As every door, then demands what If-Match names."""
        super().initial(request, *args, **kwargs)
        if not self.calls_out:
            self._demand_unchanged(request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """As every door, with the ETag of what can be changed here."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == 200 and request.method in TAGGED and preconditions.has_tag(self):
            response["ETag"] = preconditions.tag_of(response.data, self.tagged)
        return response

    def hold(self) -> None:
        """Locks what decides about changes here, so that nobody changes anything between the look and the change."""

    def _demand_unchanged(self, request: Request) -> None:
        if request.method not in preconditions.CHANGING or preconditions.HEADER not in request.headers:
            return
        read = preconditions.reader_of(self)
        # Read twice: whoever may not see it is told so, and holds nobody up.
        read(request, **self.kwargs)
        self.hold()
        preconditions.demand(request, preconditions.tag_of(read(request, **self.kwargs).data, self.tagged))

    def written(self, request: Request, write: Callable[[], Response]) -> Response:
        """The answer of what a view that calls out writes: in one transaction, and of a POST once for its key."""
        with rls.acting_as(self.actor.rls_actor):
            row = idempotency.begin(request) if request.method == "POST" else None
            self._demand_unchanged(request)
            response = write()
            if row is not None:
                idempotency.remember(row, response)
        return response


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
    return dict(valid_form(serializer, request).validated_data)


def valid_form[Form: BaseSerializer[Any]](serializer: type[Form], request: Request, **more: Any) -> Form:
    """The same as the serializer itself. Args: more: as it takes it, such as its `context`."""
    form = serializer(data=request.data, **more)
    _refuse_other_than_text(form, request.data)
    form.is_valid(raise_exception=True)
    return form


def _refuse_other_than_text(form: Any, given: Any) -> None:
    """The framework takes a number for a text, which the contract does not allow: 1.50 would be kept as "1.5"."""
    wrong = {name for name, field in form.fields.items() if not field.read_only and _has_number(field, given.get(name))}
    if wrong:
        raise ValidationError({name: ["Expected a text, in quotes."] for name in wrong})


def _has_number(field: Any, value: Any) -> bool:
    """Whether a number stands where the field, or what lies in it, is a text."""
    if isinstance(field, CharField):
        return isinstance(value, int | float)
    if hasattr(field, "child"):
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return any(_has_number(field.child, each) for each in values)
    inner = getattr(field, "fields", {}) if isinstance(value, dict) else {}
    return any(_has_number(each, value.get(name)) for name, each in inner.items())

"""Turns every exception of an API view into a problem document with a stable code."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from controlplane import refusals
from controlplane.pages import PROBLEM_JSON
from controlplane.problems import FieldError, Forbidden, Invalid, Malformed, NotFound, Problem

DEFAULT_HINT = "See /api/v1/openapi.json for what this address takes."
# Exceptions of the framework: code, title, what to do next.
KNOWN: Mapping[type[exceptions.APIException], tuple[str, str, str]] = {
    exceptions.NotAuthenticated: (
        "NOT_AUTHENTICATED",
        "Sign-in needed",
        "Send an API key as `Authorization: Bearer api_…`.",
    ),
    exceptions.AuthenticationFailed: (
        "AUTHENTICATION_FAILED",
        "Sign-in failed",
        "Check the API key: it may have expired, been revoked, or belong to a removed member.",
    ),
    exceptions.MethodNotAllowed: ("METHOD_NOT_ALLOWED", "Method not allowed", DEFAULT_HINT),
    exceptions.NotAcceptable: ("NOT_ACCEPTABLE", "Not acceptable", "Ask for application/json."),
    exceptions.UnsupportedMediaType: ("UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", "Send application/json."),
    exceptions.Throttled: ("RATE_LIMITED", "Too many requests", "Wait as long as Retry-After says."),
}


def answer(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. Returns None for what is our own fault: Django then answers 500."""
    from controlplane.api.idempotency import StoredAnswer

    if isinstance(exception, StoredAnswer):
        return exception.response
    request = context["request"]
    inner = request._request
    inner.failed = True
    problem = as_problem(exception)
    if problem is None:
        return None
    refusals.tell(inner, problem)
    response = Response(
        problem.as_json(request_id=getattr(inner, "request_id", "")), problem.status, content_type=PROBLEM_JSON
    )
    for name, value in _headers(exception, problem):
        response[name] = value
    return response


def as_problem(exception: Exception) -> Problem | None:
    """Returns the problem that tells of ``exception``, or None if nobody expected it."""
    if isinstance(exception, Problem):
        return exception
    if isinstance(exception, Http404):
        return NotFound()
    if isinstance(exception, PermissionDenied | exceptions.PermissionDenied):
        return Forbidden(str(getattr(exception, "detail", "")) or "You may not do this.")
    if isinstance(exception, exceptions.ValidationError):
        errors = tuple(field_errors(exception.detail))
        return Invalid("Some fields can't be used.", errors=errors)
    if isinstance(exception, exceptions.ParseError):
        return Malformed(str(exception.detail))
    if isinstance(exception, exceptions.APIException):
        return _of_framework(exception)
    return None


def field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Yields one error a message of DRF's nested form, with the field's path such as ``plan.agents``."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from field_errors(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        for position, inner in enumerate(detail):
            yield from field_errors(inner, f"{path}.{position}" if isinstance(inner, Mapping | list) else path)
    else:
        for message in detail if isinstance(detail, list) else [detail]:
            yield FieldError(path or "body", str(message), str(getattr(message, "code", "invalid")))


def _of_framework(exception: exceptions.APIException) -> Problem:
    code, title, hint = KNOWN.get(type(exception), ("INVALID_REQUEST", "Invalid request", DEFAULT_HINT))
    wait = getattr(exception, "wait", None)
    return Problem(
        code,
        status=exception.status_code,
        title=title,
        detail=str(exception.detail),
        hint=hint,
        retry_after=max(1, round(wait)) if wait is not None else None,
    )


def _headers(exception: Exception, problem: Problem) -> Iterator[tuple[str, str]]:
    if problem.retry_after is not None:
        yield "Retry-After", str(problem.retry_after)
    header = getattr(exception, "auth_header", None)
    if header:
        yield "WWW-Authenticate", header
    yield "Cache-Control", "no-store"

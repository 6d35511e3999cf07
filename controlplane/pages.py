"""Error answers: problem documents for programs, pages for people."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from controlplane.problems import Malformed, NotFound, Problem

PROBLEM_JSON = "application/problem+json"
OPENAPI = "application/vnd.oai.openapi+json"


# Protocols of programs below an address of their own: media type, and the body of an error.
_protocols: dict[str, tuple[str, Callable[[Problem], dict[str, Any]]]] = {}


def answers_below(prefix: str, media_type: str, body_of: Callable[[Problem], dict[str, Any]]) -> None:
    """Registers how problems are told below an address whose protocol has a form of its own for them."""
    _protocols[prefix] = (media_type, body_of)


def wants_json(request: HttpRequest) -> bool:
    """True for the API and other protocols of programs, whatever they say they accept."""
    return request.path_info.startswith(("/api/", *_protocols))


def problem_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Returns the answer to a problem in the form the asker reads."""
    response = _as_json(request, problem) if wants_json(request) else _as_page(request, problem)
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    response["Cache-Control"] = "no-store"
    return response


def _as_json(request: HttpRequest, problem: Problem) -> HttpResponse:
    for prefix, (media_type, body_of) in _protocols.items():
        if request.path_info.startswith(prefix):
            return HttpResponse(json.dumps(body_of(problem)), status=problem.status, content_type=media_type)
    body = json.dumps(problem.as_json(request_id=getattr(request, "request_id", "")))
    return HttpResponse(body, status=problem.status, content_type=PROBLEM_JSON)


def _as_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    # At an organization's own host name nothing leads to the portal, or names it.
    host = request.META.get("HTTP_HOST", "") if getattr(request, "at_home_of", "") else ""
    context = {"problem": problem, "request_id": getattr(request, "request_id", ""), "host": host}
    try:
        page = render_to_string("errors/problem.html", context)
    except TemplateDoesNotExist:
        return HttpResponse(f"{problem.detail} {problem.hint}", status=problem.status, content_type="text/plain")
    return HttpResponse(page, status=problem.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return problem_response(request, Malformed("The request can't be read."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return problem_response(
        request,
        Problem(
            "FORBIDDEN",
            status=403,
            title="Not allowed",
            detail="You may not do this.",
            hint="Sign in with another account, or ask an owner or admin of the organization.",
        ),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404. The exception's text stays out: it can name routes and rows."""
    return problem_response(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; needs no database."""
    return problem_response(
        request,
        Problem(
            "INTERNAL_ERROR",
            status=500,
            title="Something went wrong here",
            detail="The request failed on our side, and nothing of it was kept.",
            hint="Try again. If it fails again, tell us the request id.",
        ),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a form that came without its proof of origin."""
    return problem_response(
        request,
        Problem(
            "CSRF_FAILED",
            status=403,
            title="This form has expired",
            detail="The form came without a valid proof that it was shown here. Nothing was changed.",
            hint="Go back, reload the page and send it again. Cookies must be allowed.",
        ),
    )


@cache
def _contract() -> bytes:
    return (settings.BASE_DIR / "contracts" / "portal-api.json").read_bytes()


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The API's description as it was built: describing it anew is slow work that nobody has to sign in for."""
    return HttpResponse(_contract(), content_type=OPENAPI, headers={"Cache-Control": "public, max-age=300"})


def api_root(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any address under /api/ that is none."""
    raise NotFound("The API has no such address.", hint="See /api/v1/openapi.json for every address.")

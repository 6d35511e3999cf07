"""Gives each request an id, writes one line about it, and has calls to other systems carry the id on."""

import re
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from controlplane.ids import LOWER_BASE32, new_id, random_text

log = structlog.get_logger(__name__)

HEADER = "X-Request-Id"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_QUIET = ("/livez", "/readyz", "/static/")


class RequestLog:
    """Outermost middleware: whatever is logged while the request runs carries its id.

    The line names the route's pattern, not the address: addresses and queries can hold what must not be logged.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        request.request_id = request_id = _request_id(request)  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        if not request.path_info.startswith(_QUIET):
            log.info("request", **_facts(request, response), ms=round((time.perf_counter() - started) * 1000, 1))
        return response


def id_under_way() -> str:
    """What other systems are told that a call of ours belongs to.

    The request of a page or an API call (also in a task that does what it asked for), else the operation, else the
    task; a new id outside of all of these.
    """
    known = structlog.contextvars.get_contextvars()
    given = next((known[name] for name in ("request_id", "operation", "task_id") if known.get(name)), "")
    return given if _ACCEPTABLE.fullmatch(given) else new_id("req")


def _request_id(request: HttpRequest) -> str:
    """The caller's own id if it is harmless, so that logs of several systems can be joined."""
    given = request.headers.get(HEADER, "")
    return given if _ACCEPTABLE.fullmatch(given) else random_text(LOWER_BASE32, 20)


def _facts(request: HttpRequest, response: HttpResponseBase) -> dict[str, object]:
    match = request.resolver_match
    actor = getattr(request, "actor", None)
    return {
        "method": request.method,
        "route": match.route if match else "(none)",
        "status": response.status_code,
        "actor": actor.label if actor and actor.is_signed_in else "nobody",
    }

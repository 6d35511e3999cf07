"""One transaction a request, bound to who is asking."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from controlplane import audit, pages, refusals, rls
from controlplane.actor import Actor
from controlplane.addresses import client_address
from controlplane.problems import Problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ActorTransaction:
    """Wraps the view in a transaction with the asker as row-level security's actor.

    1. The session tells the actor; an API key tells it later, from inside (`bind_actor`).
    2. The view runs. An answer of 500 and more, and every exception, roll back what it wrote. A view that `calls_out`
       gets no transaction and opens its own.
    3. Refusals that were noted for the audit are written in a transaction of their own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        request.actor = actor_of_session(request)  # type: ignore[attr-defined]
        request.calls_out = _is_marked(request)  # type: ignore[attr-defined]
        refusals.begin()
        with audit.keeping_refusals(), _transaction_for(request):
            response = self.get_response(request)
            if _must_roll_back(request, response) and not _goes_without(request):
                transaction.set_rollback(True)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answers a Problem; any other exception is Django's to answer. Both roll back."""
        request.failed = True  # type: ignore[attr-defined]
        if not isinstance(exception, Problem):
            return None
        refusals.tell(request, exception)
        return pages.problem_response(request, exception)


def calls_out[View: Callable[..., Any]](view: View) -> View:
    """Marks a view that calls another system, such as an identity provider.

    It runs outside any transaction and opens ``acting_as`` itself around what it reads and writes: a call inside one
    would hold a connection, and on SQLite the only write lock, for as long as the other side likes. An API view sets
    the attribute on its class.
    """
    view.calls_out = True  # type: ignore[attr-defined]
    return view


def let_go() -> None:
    """Gives this thread's connection back to the pool before something slow, unless a transaction needs it."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        connection.close()


def actor_of_session(request: HttpRequest) -> Actor:
    """
    Returns the person of the browser session, or nobody.

    A request with an API key has no session: no middleware asks whether it lives, so nothing may read who it was. The
    attack: a stolen session that was ended goes on with any `Authorization` header.
    """
    known: dict[str, Any] = {
        "request_id": getattr(request, "request_id", ""),
        "address": client_address(request),
    }
    if "Authorization" in request.headers:
        request.user = AnonymousUser()
    if not request.user.is_authenticated:
        return Actor.nobody(**known)
    return Actor(user_id=str(request.user.pk), kind="user", session_id=request.session.get("session_id"), **known)


def bind_actor(request: HttpRequest | Any, actor: Actor) -> None:
    """Makes ``actor`` the asker for the rest of the request. Args: request: Django's, or DRF's around it."""
    inner: Any = getattr(request, "_request", request)
    inner.actor = actor
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        rls.set_actor(actor.rls_actor)


def _is_marked(request: HttpRequest) -> bool:
    try:
        view: Any = resolve(request.path_info).func
    except Resolver404:
        return False
    return bool(getattr(view, "calls_out", False) or getattr(getattr(view, "cls", None), "calls_out", False))


def _goes_without(request: HttpRequest) -> bool:
    """SQLite's transactions take its one write lock at their start, so reads go without one there."""
    calls_out: bool = request.calls_out  # type: ignore[attr-defined]
    return calls_out or (connection.vendor == "sqlite" and request.method in SAFE)


def _transaction_for(request: HttpRequest) -> AbstractContextManager[None]:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return rls.remembering(actor.rls_actor) if _goes_without(request) else rls.acting_as(actor.rls_actor)


def _must_roll_back(request: HttpRequest, response: HttpResponseBase) -> bool:
    return response.status_code >= 500 or getattr(request, "failed", False)

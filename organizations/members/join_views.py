"""Doors of whoever asks to join: with an account of their own, or as whom an organization's connection proved."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.problems import NotFound
from organizations.actions import invitations, join_requests
from organizations.actions.sign_in import connection_by_id
from organizations.sso import asking, sessions
from organizations.sso.completion import refused
from organizations.sso.proven import SignInRefused


def waiting_for(request: HttpRequest) -> dict[str, Any]:
    """Invitations to the asker and organizations that they may ask, where this session has proven their address."""
    if not sessions.has_verified_address(request):
        return {}
    actor = actor_of(request)
    offered, askable = invitations.offered(by=actor), join_requests.askable(by=actor)
    return {"invitations": offered, "askable": askable, "here": request.path}


@login_required
@require_POST
def ask(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask to join an organization that takes requests from the domain of one's own verified address."""
    sessions.require_own_proof(request)
    join_requests.ask(by=actor_of(request), organization_id=organization_id)
    messages.success(request, "You have asked. You get a mail when somebody has decided.")
    return redirect(sessions.safe_next(request.POST.get("next", "")))


@login_required
@require_POST
def take_back(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Take one's own request back."""
    join_requests.take_back(by=actor_of(request), organization_id=organization_id)
    messages.success(request, "Your request is taken back.")
    return redirect(sessions.safe_next(request.POST.get("next", "")))


@never_cache
@require_http_methods(["GET", "POST"])
def ask_by_connection(request: HttpRequest, connection_id: str) -> HttpResponse:
    """
    The page for somebody whom the organization's connection has just proven and who does not belong to it; on POST,
    they ask. In every other browser it leads to the connection's sign-in page.
    """
    connection = connection_by_id(connection_id)
    identity = asking.current(request, connection.pk)
    if identity is None:
        return redirect("connection", connection.pk)
    try:
        if request.method == "POST":
            join_requests.ask_by_connection(by=actor_of(request), connection=connection, identity=identity)
            return redirect("connection-ask", connection.pk)
        found = join_requests.askable_by_connection(connection=connection, identity=identity)
    except SignInRefused as refusal:
        return refused(request, connection, refusal)
    if found is None:
        raise NotFound
    context = {"connection": connection, "found": found, "email": identity.email}
    return render(request, "organizations/ask_to_join.html", context)

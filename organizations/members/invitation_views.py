"""
An invitation as whom it is for sees it: the page that its mail leads to, accept, and decline.

The link holds no authority. Whose invitation it is shows only in a session that has proven the invited address by a way
of the person's own; to everybody else every link looks alike, also one that was never mailed.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.appearance import allow_forms_to
from organizations.accounts.people import has_way_of_their_own
from organizations.actions import invitations
from organizations.frame import home_url
from organizations.models import User
from organizations.sso import sessions
from organizations.sso.oidc.provider import platform_is_configured, platform_origins


@never_cache
@require_safe
def invitation(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """What the asker is invited to; or what they have to prove first."""
    person = request.user if isinstance(request.user, User) else None
    proven = sessions.has_verified_address(request)
    context = {
        "person": person,
        "must_prove": "" if proven or person is None else _missing(person),
        "offer": invitations.offer(by=actor_of(request), invitation_id=invitation_id) if proven else None,
        "next": request.path,
        "platform": platform_is_configured(),
    }
    page = render(request, "organizations/invitation.html", context)
    allow_forms_to(page, *platform_origins())
    return page


@never_cache
@require_POST
def accept(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Take up an invitation to one's own verified address."""
    sessions.require_own_proof(request)
    membership = invitations.accept(by=actor_of(request), invitation_id=invitation_id)
    return redirect(home_url(membership.organization_id))


@never_cache
@require_POST
def decline(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Turn it down."""
    sessions.require_own_proof(request)
    invitations.decline(by=actor_of(request), invitation_id=invitation_id)
    messages.success(request, "The invitation is declined.")
    return redirect("fleet:front")


def _missing(person: User) -> str:
    """What somebody has to do whom only an organization's connection has proven: confirm, add a way, or sign up."""
    if not person.email_verified:
        return "other"
    with rls.reading_as(f"user:{person.pk}"):
        return "confirm" if has_way_of_their_own(person) else "add"

"""What the page of members does about people who are not members yet: invitations, and requests to join."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from controlplane.actor import actor_of
from organizations.actions import invitations, join_requests
from organizations.settings_page import organization_of

HERE = "settings:members"


@login_required
@require_POST
def resend_invitation(request: HttpRequest, organization_id: str, invitation_id: str) -> HttpResponse:
    """Mail an invitation once more."""
    organization = organization_of(request, organization_id)
    sent = invitations.send_again(by=actor_of(request), organization=organization, invitation_id=invitation_id)
    messages.success(request, f"Another mail to {sent.email} is on its way.")
    return redirect(HERE, organization_id)


@login_required
@require_POST
def withdraw_invitation(request: HttpRequest, organization_id: str, invitation_id: str) -> HttpResponse:
    """Take an invitation back."""
    organization = organization_of(request, organization_id)
    invitations.withdraw(by=actor_of(request), organization=organization, invitation_id=invitation_id)
    messages.success(request, "The invitation is withdrawn. Its link shows nobody anything any more.")
    return redirect(HERE, organization_id)


@login_required
@require_POST
def approve(request: HttpRequest, organization_id: str, join_request_id: str) -> HttpResponse:
    """Let somebody in who asked."""
    organization, role = organization_of(request, organization_id), request.POST.get("role", "")
    made = join_requests.approve(
        by=actor_of(request), organization=organization, join_request_id=join_request_id, role=role
    )
    messages.success(request, f"{made.user} belongs to {organization} now, and gets a mail.")
    return redirect(HERE, organization_id)


@login_required
@require_POST
def decline(request: HttpRequest, organization_id: str, join_request_id: str) -> HttpResponse:
    """Turn somebody down who asked."""
    organization = organization_of(request, organization_id)
    join_requests.decline(by=actor_of(request), organization=organization, join_request_id=join_request_id)
    messages.success(request, "The request is declined.")
    return redirect(HERE, organization_id)

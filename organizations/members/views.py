"""Pages of an organization's members."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from controlplane import outbox
from controlplane.actor import Actor, actor_of
from controlplane.appearance import allow_forms_to
from controlplane.forms import told_on
from organizations import access, queries
from organizations.actions import invitations, service_accounts
from organizations.actions import members as member_actions
from organizations.members.forms import InviteForm
from organizations.members.rows import invitation_rows, member_rows
from organizations.models import Organization
from organizations.msp.reach import reach_of
from organizations.roles.named import NamedRole, choices_within, role_name, roles_in
from organizations.settings_page import organization_of, settings_page
from organizations.sso.outgoing import origin_of
from organizations.standings import standing_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Who belongs here; on POST, invite somebody."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    standing = standing_of(actor, organization)
    permissions = standing.permissions if standing else frozenset()
    if request.method == "POST":
        access.require(actor, "member.manage", organization)
    known = roles_in(organization_id)
    roles = choices_within(permissions, known.values())
    form = InviteForm(request.POST or None, roles=roles)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            if _invited(request, organization, form):
                return redirect("settings:members", organization_id)
    ways = queries.own_ways_in(actor, organization)
    context = {
        "members": member_rows(queries.members_of(actor, organization), actor, permissions, known),
        "can_manage": "member.manage" in permissions,
        "can_make_service": standing is not None and standing.is_own and "member.manage" in permissions,
        "waiting": outbox.waiting(*reach_of(organization_id)),
        "roles": roles,
        "ways": ways,
        "form": form,
        **(_not_yet(actor, organization, known) if "member.manage" in permissions else {}),
    }
    page = settings_page(request, organization, "members", "Members", context, form=form)
    allow_forms_to(page, *(origin_of(way.connection.sign_in_url) for way in ways))
    return page


@login_required
@require_POST
def change_role(request: HttpRequest, organization_id: str, membership_id: str) -> HttpResponse:
    """Give a member another role."""
    organization = organization_of(request, organization_id)
    changed = member_actions.change_role(
        by=actor_of(request),
        organization=organization,
        membership_id=membership_id,
        role=request.POST.get("role", ""),
    )
    messages.success(request, f"{changed.user} is {role_name(organization_id, changed.role).lower()} now.")
    return redirect("settings:members", organization_id)


@login_required
@require_POST
def add_service_account(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Make a member that is a program."""
    organization = organization_of(request, organization_id)
    made = service_accounts.create(
        by=actor_of(request),
        organization=organization,
        name=request.POST.get("name", ""),
        role=request.POST.get("role", ""),
    )
    messages.success(request, f"{made.user} is a service account now. Give it a key, and it can begin.")
    return redirect("settings:members", organization_id)


@login_required
@require_POST
def remove_member(request: HttpRequest, organization_id: str, membership_id: str) -> HttpResponse:
    """End a membership."""
    organization = organization_of(request, organization_id)
    member_actions.remove(by=actor_of(request), organization=organization, membership_id=membership_id)
    messages.success(request, "Removed. Their sessions and keys here have ended.")
    return redirect("settings:members", organization_id)


def _not_yet(actor: Actor, organization: Organization, known: Mapping[str, NamedRole]) -> dict[str, Any]:
    """Who is invited, and who asks to join: for whoever manages members."""
    return {
        "invitations": invitation_rows(queries.invitations_of(actor, organization).order_by("-created_at"), known),
        "join_requests": queries.join_requests_of(actor, organization),
    }


def _invited(request: HttpRequest, organization: Organization, form: InviteForm) -> bool:
    """Invites everybody who can be; whoever can't stays in the form. Returns whether all are invited."""
    done = invitations.invite_all(by=actor_of(request), organization=organization, **form.cleaned_data)
    if done.invitations:
        named = done.invitations[0].email if len(done.invitations) == 1 else f"{len(done.invitations)} people"
        messages.success(
            request, f"{named} {'is' if len(done.invitations) == 1 else 'are'} invited, and a mail is on its way."
        )
    if done.refused:
        form.keep(done.refused, words="The others are invited." if done.invitations else "Nobody was invited.")
    return not done.refused

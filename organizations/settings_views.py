"""Pages on which an organization looks after itself: members, API keys. Sign-in and audit log have their own files."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane import outbox
from controlplane.actor import actor_of
from controlplane.appearance import allow_forms_to
from controlplane.forms import told_on
from organizations import access, queries
from organizations.actions import invitations
from organizations.actions import keys as key_actions
from organizations.actions import members as member_actions
from organizations.models import Organization
from organizations.roles import role_name, roles_in, within
from organizations.settings_forms import InviteForm, KeyForm
from organizations.settings_page import organization_of, settings_page
from organizations.settings_rows import invitation_rows, key_row, member_rows
from organizations.sso.outgoing import origin_of
from organizations.standings import permissions_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Who belongs here; on POST, invite somebody."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    permissions = permissions_of(actor, organization)
    if request.method == "POST":
        access.require(actor, "member.manage", organization)
    known = roles_in(organization_id)
    roles = [(role.key, role.name) for role in within(permissions, known.values())]
    form = InviteForm(request.POST or None, roles=roles)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            if _invited(request, organization, form):
                return redirect("settings:members", organization_id)
    can_manage = "member.manage" in permissions
    ways = queries.own_ways_in(actor, organization)
    context = {
        "members": member_rows(queries.members_of(actor, organization), actor, permissions, known),
        "invitations": invitation_rows(queries.invitations_of(actor, organization).order_by("-created_at"), known)
        if can_manage
        else [],
        "join_requests": queries.join_requests_of(actor, organization) if can_manage else [],
        "can_manage": can_manage,
        "waiting": outbox.waiting(*queries.reach_of(organization)),
        "roles": roles,
        "ways": ways,
        "form": form,
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
def remove_member(request: HttpRequest, organization_id: str, membership_id: str) -> HttpResponse:
    """End a membership."""
    organization = organization_of(request, organization_id)
    member_actions.remove(by=actor_of(request), organization=organization, membership_id=membership_id)
    messages.success(request, "Removed. Their sessions and keys here have ended.")
    return redirect("settings:members", organization_id)


@login_required
@require_safe
def keys(request: HttpRequest, organization_id: str) -> HttpResponse:
    """The organization's API keys."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    rows = [key_row(key) for key in queries.keys_of(actor, organization)]
    return settings_page(request, organization, "keys", "API keys", {"keys": rows, **_api()})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create_key(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask for a new key's limits; on POST, show its secret this once."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    standing = access.require(actor, "key.manage", organization, confirmed=True)
    form = KeyForm(request.POST or None, permissions=standing.permissions)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            key, secret = key_actions.create(
                by=actor,
                organization=organization,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_in=form.lifetime,
            )
            rows = [key_row(row) for row in queries.keys_of(actor, organization)]
            shown = {"secret": secret, "created": key, "keys": rows, **_api()}
            return settings_page(request, organization, "keys", "API keys", shown)
    template = "organizations/settings/key_new.html"
    return settings_page(request, organization, "keys", "Create API key", {"form": form}, form=form, template=template)


@login_required
@require_POST
def revoke_key(request: HttpRequest, organization_id: str, key_id: str) -> HttpResponse:
    """End a key."""
    organization = organization_of(request, organization_id)
    key, made = key_actions.revoke(by=actor_of(request), organization=organization, key_id=key_id)
    also = f", nor do those that it made: {', '.join(each.name for each in made)}" if made else ""
    messages.success(request, f"The key “{key.name}” works no more{also}.")
    return redirect("settings:keys", organization_id)


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


def _api() -> dict[str, str]:
    return {"api": f"{settings.BASE_URL}/api/v1/"}

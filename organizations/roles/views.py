"""Pages of an organization's roles: what each allows, and making and changing its own."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import access, queries
from organizations.actions import custom_roles
from organizations.frame import Link
from organizations.models import Organization
from organizations.permissions import ROLES
from organizations.roles.forms import RoleForm
from organizations.roles.named import NamedRole
from organizations.roles.words import AREAS, in_words
from organizations.settings_page import organization_of, settings_page
from organizations.standings import may, permissions_of


@login_required
@require_safe
def roles(request: HttpRequest, organization_id: str) -> HttpResponse:
    """The five roles against all permissions, and the organization's own."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    known = queries.roles_of(actor, organization)
    built_in = [role for role in known if not role.is_custom]
    context = {
        "built_in": built_in,
        "areas": [(area.title, [_line(each.words, each.key) for each in area.permissions]) for area in AREAS],
        "own": [(role, in_words(role.permissions)) for role in known if role.is_custom],
        "can_make": may(actor, "member.manage", organization),
    }
    return settings_page(request, organization, "roles", "Roles", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create_role(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask what a new role is called and allows; on POST, make it."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    standing = access.require(actor, "member.manage", organization)
    form = RoleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            role = custom_roles.create(by=actor, organization=organization, **form.cleaned_data)
            messages.success(request, f"The role “{role.name}” is there to be given.")
            return redirect("settings:roles", organization_id)
    return _form_page(request, organization, "Create role", {"form": form, "areas": _boxes(form, standing.permissions)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def one_role(request: HttpRequest, organization_id: str, role_id: str) -> HttpResponse:
    """What a role of the organization's own allows and who has it; on POST, change it."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    role = queries.role(actor, organization, role_id)
    held = permissions_of(actor, organization)
    if request.method == "POST":
        access.require(actor, "member.manage", organization)
    form = RoleForm(request.POST or None, initial=_initial(role))
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            custom_roles.change(by=actor, organization=organization, role_id=role_id, **form.cleaned_data)
            messages.success(request, "Saved. It counts at once for everybody who has the role.")
            return redirect("settings:roles", organization_id)
    with rls.reading_as(f"org:{organization.pk}"):
        users = custom_roles.users_of(organization.pk, role.key)
    context = {
        "role": role,
        "form": form,
        "areas": _boxes(form, held),
        "can_change": role.is_custom and "member.manage" in held and role.permissions <= held,
        "users": users,
    }
    return _form_page(request, organization, role.name, context)


@login_required
@require_POST
def delete_role(request: HttpRequest, organization_id: str, role_id: str) -> HttpResponse:
    """Delete a role that nobody has."""
    organization = organization_of(request, organization_id)
    custom_roles.delete(by=actor_of(request), organization=organization, role_id=role_id)
    messages.success(request, "The role is deleted.")
    return redirect("settings:roles", organization_id)


def _line(words: str, permission: str) -> dict[str, Any]:
    return {"words": words, "held": [permission in granted for granted in ROLES.values()]}


def _initial(role: NamedRole) -> dict[str, Any]:
    return {"name": role.name, "description": role.description, "permissions": sorted(role.permissions)}


def _boxes(form: RoleForm, held: frozenset[str]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The checkboxes by area. What the asker may not do themselves can't be ticked."""
    ticked = set(form["permissions"].value() or ())
    return [
        (
            area.title,
            [
                {"described": each, "ticked": each.key in ticked, "beyond": each.key not in held}
                for each in area.permissions
            ],
        )
        for area in AREAS
    ]


def _form_page(request: HttpRequest, organization: Organization, here: str, context: dict[str, Any]) -> HttpResponse:
    back = Link("Roles", reverse("settings:roles", args=[organization.pk]))
    template = "organizations/settings/role.html"
    return settings_page(
        request, organization, "roles", here, context, form=context["form"], template=template, crumbs=(back,)
    )

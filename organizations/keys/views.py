"""Pages of API keys."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.forms import told_on
from controlplane.problems import Invalid
from organizations import access, queries
from organizations.actions import keys as key_actions
from organizations.frame import Link
from organizations.keys.forms import KeyForm, RotationForm
from organizations.keys.rows import key_row
from organizations.models import ApiKey, Organization
from organizations.settings_page import organization_of, settings_page


@login_required
@require_safe
def keys(request: HttpRequest, organization_id: str) -> HttpResponse:
    """The organization's API keys."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    return settings_page(request, organization, "keys", "API keys", _keys(actor, organization))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create_key(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask for a new key's limits; on POST, show its secret this once."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    standing = access.require(actor, "key.manage", organization, confirmed=True)
    members = queries.members_of(actor, organization).filter(user__is_service=True)
    accounts = [(each.user_id, str(each.user)) for each in members] if standing.is_own else []
    form = KeyForm(request.POST or None, permissions=standing.permissions, accounts=accounts)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            key, secret = key_actions.create(
                by=actor,
                organization=organization,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_in=form.lifetime,
                service_account=form.cleaned_data["service_account"] or None,
            )
            return _shown_once(request, organization, key, secret)
    template = "organizations/settings/key_new.html"
    crumb = Link("API keys", reverse("settings:keys", args=[organization_id]))
    return settings_page(
        request, organization, "keys", "Create API key", {"form": form}, form=form, template=template, crumbs=(crumb,)
    )


@login_required
@never_cache
@require_POST
def rotate_key(request: HttpRequest, organization_id: str, key_id: str) -> HttpResponse:
    """Make a key's successor, and show its secret this once."""
    organization = organization_of(request, organization_id)
    form = RotationForm(request.POST)
    if not form.is_valid():
        raise Invalid("Choose one of the times that are offered. Nothing was changed.", field="overlap_hours")
    key, secret = key_actions.rotate(
        by=actor_of(request),
        organization=organization,
        key_id=key_id,
        overlap=dt.timedelta(hours=form.cleaned_data["overlap_hours"]),
        expires_in=dt.timedelta(days=form.cleaned_data["expires_in"]),
    )
    return _shown_once(request, organization, key, secret)


@login_required
@require_POST
def revoke_key(request: HttpRequest, organization_id: str, key_id: str) -> HttpResponse:
    """End a key."""
    organization = organization_of(request, organization_id)
    key, made = key_actions.revoke(by=actor_of(request), organization=organization, key_id=key_id)
    also = f", nor do those that it made: {', '.join(each.name for each in made)}" if made else ""
    messages.success(request, f"The key “{key.name}” works no more{also}.")
    return redirect("settings:keys", organization_id)


def _shown_once(request: HttpRequest, organization: Organization, key: ApiKey, secret: str) -> HttpResponse:
    shown = {"secret": secret, "created": key, **_keys(actor_of(request), organization)}
    return settings_page(request, organization, "keys", "API keys", shown)


def _keys(actor: Actor, organization: Organization) -> dict[str, Any]:
    rows = [key_row(key, actor.user_id) for key in queries.keys_of(actor, organization)]
    return {"keys": rows, "rotation": RotationForm(), "api": f"{settings.BASE_URL}/api/v1/"}

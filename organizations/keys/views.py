"""Pages of API keys."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import access, queries
from organizations.actions import keys as key_actions
from organizations.keys.forms import KeyForm
from organizations.keys.rows import key_row
from organizations.settings_page import organization_of, settings_page


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


def _api() -> dict[str, str]:
    return {"api": f"{settings.BASE_URL}/api/v1/"}

"""What the pages of sign-in do the same way: who may see them, their frame, and the way a change is told."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from controlplane import rls
from controlplane.actor import actor_of
from organizations import queries
from organizations.frame import Link
from organizations.models import Connection, Organization
from organizations.settings_page import managed_organization, settings_page

SECTION, TITLE = "sso", "Sign-in and SSO"


def managed(request: HttpRequest, organization_id: str, *, confirmed: bool = False) -> Organization:
    """The organization, for whoever may manage its sign-in. Args: confirmed: as `managed_organization` takes it."""
    return managed_organization(request, organization_id, "sso.manage", confirmed=confirmed)


def managed_connection(
    request: HttpRequest, organization_id: str, connection_id: str, *, confirmed: bool = False
) -> tuple[Organization, Connection]:
    """As `managed`, with one of the organization's connections. Raises NotFound."""
    organization = managed(request, organization_id, confirmed=confirmed)
    with rls.reading_as(actor_of(request).rls_actor):
        return organization, queries.connection(actor_of(request), organization, connection_id)


def form_page(
    request: HttpRequest,
    organization: Organization,
    here: str,
    context: dict[str, Any],
    template: str,
    *,
    crumbs: tuple[Link, ...] = (),
) -> HttpResponse:
    """A page below “Sign-in and SSO”; 422 where its form holds errors."""
    back = Link(TITLE, reverse("settings:sso", args=[organization.pk]))
    with rls.reading_as(actor_of(request).rls_actor):
        return settings_page(
            request,
            organization,
            SECTION,
            here,
            context,
            form=context.get("form"),
            template=f"organizations/settings/{template}.html",
            crumbs=(back, *crumbs),
        )


def done(request: HttpRequest, words: str, route: str, *where: str) -> HttpResponse:
    """Tells what was done, on the page that comes next."""
    messages.success(request, words)
    return redirect(route, *where)

"""What every settings page does the same way: whose it is, and its frame."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane import rls
from controlplane.actor import actor_of
from organizations import queries
from organizations.access import require
from organizations.frame import Link, frame_for
from organizations.models import Organization


def organization_of(request: HttpRequest, organization_id: str) -> Organization:
    """The organization of the address, if the asker may enter it. Raises NotFound."""
    return queries.find(actor_of(request), organization_id)


def managed_organization(
    request: HttpRequest, organization_id: str, permission: str, *, confirmed: bool = False
) -> Organization:
    """
    The same, once it is sure that the asker has a permission there: before anything is fetched or decoded for them.

    Args: confirmed: they proved just now who they are; asked before a long form, so that nothing typed is lost.
    """
    actor = actor_of(request)
    with rls.reading_as(actor.rls_actor):
        organization = organization_of(request, organization_id)
        require(actor, permission, organization, confirmed=confirmed)
    return organization


def settings_page(
    request: HttpRequest,
    organization: Organization,
    section: str,
    here: str,
    context: dict[str, Any],
    *,
    form: Any = None,
    template: str = "",
    crumbs: tuple[Link, ...] = (),
) -> HttpResponse:
    """One page of the section; 422 where its form holds errors."""
    frame = frame_for(request, organization, here=here, section=section, crumbs=crumbs)
    status = 422 if form is not None and form.errors else 200
    name = template or f"organizations/settings/{section}.html"
    return render(request, name, {**context, "frame": frame}, status=status)

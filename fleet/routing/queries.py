"""Reads of destinations, routes and notices. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from fleet.routing.models import Destination, Notice, Route
from organizations import access
from organizations.models import Organization


def destinations_of(actor: Actor, organization: Organization) -> QuerySet[Destination]:
    """An organization's destinations that were not removed, the newest first."""
    access.require(actor, "alert.route", organization)
    return Destination.objects.filter(organization=organization, removed_at=None)


def destination(actor: Actor, organization: Organization, destination_id: str) -> Destination:
    """One of them; raises NotFound."""
    found = destinations_of(actor, organization).filter(pk=destination_id).first()
    if found is None:
        raise NotFound("There is no such destination.")
    return found


def routes_of(actor: Actor, organization: Organization) -> QuerySet[Route]:
    """An organization's routes, the newest first."""
    access.require(actor, "alert.route", organization)
    routes = Route.objects.filter(organization=organization, destination__removed_at=None)
    return routes.select_related("destination")


def route(actor: Actor, organization: Organization, route_id: str) -> Route:
    """One of them; raises NotFound."""
    found = routes_of(actor, organization).filter(pk=route_id).first()
    if found is None:
        raise NotFound("There is no such route.")
    return found


def notices_of(actor: Actor, organization: Organization) -> QuerySet[Notice]:
    """What was told, is on its way or could not be told, the newest first."""
    access.require(actor, "alert.route", organization)
    return Notice.objects.filter(organization=organization).select_related("destination")


def notice(actor: Actor, organization: Organization, notice_id: str) -> Notice:
    """One of them; raises NotFound."""
    found = notices_of(actor, organization).filter(pk=notice_id).first()
    if found is None:
        raise NotFound("There is no such notice.")
    return found

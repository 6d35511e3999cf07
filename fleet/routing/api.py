"""Routing by API: the same actions and queries as the pages."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from fleet.alerts.api import OfOrganization
from fleet.routing import actions, queries
from fleet.routing.serializers import DestinationIn, DestinationOut, NoticeOut, RouteIn, RouteOut


class Destinations(OfOrganization):
    """Where alerts are told."""

    @extend_schema(operation_id="alert_destinations_list", responses=DestinationOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List destinations, newest first, without their secrets."""
        return self.page(queries.destinations_of(self.actor, self.organization()), DestinationOut)

    @extend_schema(operation_id="alert_destinations_create", request=DestinationIn, responses={201: DestinationOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Make a destination: e-mail, Slack, Microsoft Teams, PagerDuty, a signed webhook or Jira."""
        organization = self.organization()
        made = actions.add_destination(by=self.actor, organization=organization, **valid(DestinationIn, request))
        headers = {"Location": f"/api/v1/organizations/{organization.pk}/alert-destinations/{made.pk}"}
        return Response(DestinationOut(made).data, status=201, headers=headers)


class OneDestination(OfOrganization):
    """One destination."""

    @extend_schema(operation_id="alert_destinations_retrieve", responses=DestinationOut)
    def get(self, request: Request, organization_id: str, destination_id: str) -> Response:
        """Read one destination, without its secret."""
        return Response(DestinationOut(queries.destination(self.actor, self.organization(), destination_id)).data)

    @extend_schema(operation_id="alert_destinations_remove", request=None, responses={204: None})
    def delete(self, request: Request, organization_id: str, destination_id: str) -> Response:
        """Remove a destination with its routes and its secret; the log of its notices stays."""
        found = queries.destination(self.actor, self.organization(), destination_id)
        actions.remove_destination(by=self.actor, destination=found)
        return Response(status=204)


class DestinationTest(OfOrganization):
    """Trying a destination out."""

    @extend_schema(operation_id="alert_destinations_test", request=None, responses={202: NoticeOut})
    def post(self, request: Request, organization_id: str, destination_id: str) -> Response:
        """Send a test; the notice says later whether it was taken."""
        found = queries.destination(self.actor, self.organization(), destination_id)
        return Response(NoticeOut(actions.try_destination(by=self.actor, destination=found)).data, status=202)


class Routes(OfOrganization):
    """Which alerts are told to whom."""

    @extend_schema(operation_id="alert_routes_list", responses=RouteOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List routes, newest first."""
        return self.page(queries.routes_of(self.actor, self.organization()), RouteOut)

    @extend_schema(operation_id="alert_routes_create", request=RouteIn, responses={201: RouteOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Have a destination told of alerts that are raised from now on, an MSP's of its clients' too."""
        organization, given = self.organization(), valid(RouteIn, request)
        destination = queries.destination(self.actor, organization, given.pop("destination"))
        made = actions.add_route(by=self.actor, organization=organization, destination=destination, **given)
        headers = {"Location": f"/api/v1/organizations/{organization.pk}/alert-routes/{made.pk}"}
        return Response(RouteOut(made).data, status=201, headers=headers)


class OneRoute(OfOrganization):
    """One route."""

    @extend_schema(operation_id="alert_routes_retrieve", responses=RouteOut)
    def get(self, request: Request, organization_id: str, route_id: str) -> Response:
        """Read one route."""
        return Response(RouteOut(queries.route(self.actor, self.organization(), route_id)).data)

    @extend_schema(operation_id="alert_routes_remove", request=None, responses={204: None})
    def delete(self, request: Request, organization_id: str, route_id: str) -> Response:
        """Remove a route."""
        actions.remove_route(by=self.actor, route=queries.route(self.actor, self.organization(), route_id))
        return Response(status=204)


class Notices(OfOrganization):
    """What was told."""

    @extend_schema(operation_id="alert_notices_list", responses=NoticeOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List what was told, is on its way or was given up, newest first."""
        return self.page(queries.notices_of(self.actor, self.organization()), NoticeOut)


class NoticeReplay(OfOrganization):
    """Sending again."""

    @extend_schema(operation_id="alert_notices_replay", request=None, responses={202: NoticeOut})
    def post(self, request: Request, organization_id: str, notice_id: str) -> Response:
        """Send once more what was given up."""
        found = queries.notice(self.actor, self.organization(), notice_id)
        return Response(NoticeOut(actions.replay(by=self.actor, notice=found)).data, status=202)

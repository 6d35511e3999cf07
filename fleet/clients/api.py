"""The fleet and its views by API."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.pagination import OrderedPagination
from controlplane.api.views import valid, valid_form
from fleet.clients import actions, filters, queries
from fleet.clients.filters import Asked
from fleet.clients.models import FleetView
from fleet.clients.serializers import FleetViewChange, FleetViewIn, FleetViewOut, LineOut
from organizations.api import InOrganization

VIEW = "view"


class Fleet(InOrganization):
    """An MSP's tenants and its clients'."""

    pagination_class = OrderedPagination

    @extend_schema(
        operation_id="organizations_fleet_list",
        parameters=[*filters.described(), filters.OF_VIEW],
        responses=LineOut(many=True),
        filters=False,
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """
        List an MSP's fleet: each tenant of the MSP and its clients, and each client without one.

        A tenant is listed where the caller sees it. Every filter that is named has to fit.
        """
        msp, given = self.organization(), request.query_params.dict()
        if view_id := given.get(VIEW):
            view = queries.view(self.actor, msp, view_id)
            given = {**view.parameters, **given}
        asked = Asked.read(given)
        paginator = OrderedPagination(asked.order)
        found = paginator.paginate_queryset(queries.lines(self.actor, msp, asked), request, self)
        under_way = queries.under_way(line["tenant_id"] for line in found if line["tenant_id"])
        return paginator.get_paginated_response(LineOut(found, many=True, context={"under_way": under_way}).data)


class FleetViews(InOrganization):
    """Views of a fleet."""

    @extend_schema(operation_id="organizations_fleet_views_list", responses=FleetViewOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List the caller's own views and the shared ones, newest first."""
        return self.page(queries.views_of(self.actor, self.organization()), FleetViewOut)

    @extend_schema(operation_id="organizations_fleet_views_create", request=FleetViewIn, responses={201: FleetViewOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Keep a set of filters as a view. Which tenants are in it is asked anew at every use."""
        msp = self.organization()
        made = actions.save(by=self.actor, msp=msp, **valid(FleetViewIn, request))
        headers = {"Location": f"/api/v1/organizations/{msp.pk}/fleet/views/{made.pk}"}
        return Response(FleetViewOut(made).data, status=201, headers=headers)


class OneFleetView(InOrganization):
    """One view."""

    def view(self) -> FleetView:
        """The view of the address."""
        return queries.view(self.actor, self.organization(), self.kwargs["fleet_view_id"])

    @extend_schema(operation_id="organizations_fleet_views_retrieve", responses=FleetViewOut)
    def get(self, request: Request, organization_id: str, fleet_view_id: str) -> Response:
        """Read one view."""
        return Response(FleetViewOut(self.view()).data)

    @extend_schema(operation_id="organizations_fleet_views_update", request=FleetViewChange, responses=FleetViewOut)
    def patch(self, request: Request, organization_id: str, fleet_view_id: str) -> Response:
        """Change a view's name, filters or sort, or who has it."""
        view = self.view()
        given: dict[str, Any] = valid_form(FleetViewChange, request, context={"view": view}).validated_data
        return Response(FleetViewOut(actions.change(by=self.actor, view=view, **given)).data)

    @extend_schema(operation_id="organizations_fleet_views_delete", request=None, responses={204: None})
    def delete(self, request: Request, organization_id: str, fleet_view_id: str) -> Response:
        """Remove a view. Its tenants stay as they are."""
        actions.remove(by=self.actor, view=self.view())
        return Response(status=204)

"""Organizations and clients by API."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.pagination import KeysetPagination
from controlplane.api.views import ListView, valid
from organizations import queries
from organizations.actions import break_glass, client_names, clients, connections
from organizations.actions.locks import locked_organization
from organizations.models import Organization
from organizations.serializers import ClientIn, OrganizationChange, OrganizationOut
from organizations.standings import Standing, standings_of


def hold_organization(organization_id: str) -> None:
    """Locks an organization's row until the request ends."""
    with rls.acting_as(f"org:{organization_id}"):
        locked_organization(organization_id)


class InOrganization(ListView):
    """Something inside one organization; another organization's is not found."""

    def organization(self) -> Organization:
        """The organization of the address."""
        return queries.find(self.actor, self.kwargs["organization_id"])

    def hold(self) -> None:
        """Locks the organization, under which its actions decide."""
        hold_organization(self.kwargs["organization_id"])


class Shown(ListView):
    """Shows organizations with what the caller may do in each."""

    def shown(self, organizations: list[Organization]) -> Any:
        """The organizations as they go over the wire."""
        nowhere = {each.pk: Standing(each.pk, None, frozenset()) for each in organizations}
        standings = nowhere | standings_of(self.actor, organizations)
        context = {"standings": standings, "external_ids": queries.external_ids_of(standings.values())}
        return OrganizationOut(organizations, many=True, context=context).data


class Organizations(Shown):
    """The organizations that the caller may enter."""

    @extend_schema(
        operation_id="organizations_list",
        parameters=[
            OpenApiParameter("msp", str, description="Only clients of this MSP"),
            OpenApiParameter("external_id", str, description="With `msp`: only the client that it calls so"),
        ],
        responses=OrganizationOut(many=True),
        filters=False,
    )
    def get(self, request: Request) -> Response:
        """List organizations, newest first."""
        rows = queries.visible_to(self.actor)
        if msp := request.query_params.get("msp"):
            called = request.query_params.get("external_id") or None
            found = queries.clients_of(self.actor, queries.find(self.actor, msp), external_id=called)
            rows = rows.filter(pk__in=found.values("pk"))
        paginator = KeysetPagination()
        return paginator.get_paginated_response(self.shown(paginator.paginate_queryset(rows, request, self)))

    @extend_schema(operation_id="organizations_create", request=ClientIn, responses={201: OrganizationOut})
    def post(self, request: Request) -> Response:
        """Found a client organization that an MSP manages."""
        given = valid(ClientIn, request)
        msp = queries.find(self.actor, given.pop("msp"))
        client = clients.create_client(by=self.actor, msp=msp, **given)
        headers = {"Location": f"/api/v1/organizations/{client.pk}"}
        return Response(self.shown([client])[0], status=201, headers=headers)


class OneOrganization(Shown):
    """One organization."""

    def hold(self) -> None:
        """Locks the organization, under which its actions decide."""
        hold_organization(self.kwargs["organization_id"])

    @extend_schema(operation_id="organizations_retrieve", responses=OrganizationOut)
    def get(self, request: Request, organization_id: str) -> Response:
        """Read one organization."""
        return Response(self.shown([queries.find(self.actor, organization_id)])[0])

    @extend_schema(operation_id="organizations_update", request=OrganizationChange, responses=OrganizationOut)
    def patch(self, request: Request, organization_id: str) -> Response:
        """
        Say how members must sign in, who may come in by the platform's sign-in in an emergency, what your MSP calls it.

        The stricter policy needs a session that the organization's own connection proved.
        """
        organization, given = queries.find(self.actor, organization_id), valid(OrganizationChange, request)
        if "sign_in_policy" in given:
            organization = connections.set_policy(
                by=self.actor, organization=organization, policy=given["sign_in_policy"]
            )
        if "break_glass" in given:
            organization = break_glass.choose(
                by=self.actor, organization=organization, membership_id=given["break_glass"]
            )
        if "external_id" in given:
            client_names.name_client(by=self.actor, client=organization, external_id=given["external_id"])
        return Response(self.shown([organization])[0])

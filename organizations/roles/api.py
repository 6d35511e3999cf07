"""Roles of an organization by API: the five, and its own."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from organizations import queries
from organizations.actions import custom_roles
from organizations.api import InOrganization
from organizations.roles.named import named
from organizations.roles.serializers import RoleChange, RoleList, RoleNew, RoleOut


class Roles(InOrganization):
    """Roles that the organization's people can have."""

    @extend_schema(operation_id="organizations_roles_list", responses=RoleList, filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List the five roles and the organization's own, with what each allows."""
        return Response(RoleList({"results": queries.roles_of(self.actor, self.organization())}).data)

    @extend_schema(operation_id="organizations_roles_create", request=RoleNew, responses={201: RoleOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Make a role of the organization's own."""
        role = custom_roles.create(by=self.actor, organization=self.organization(), **valid(RoleNew, request))
        location = f"/api/v1/organizations/{role.organization_id}/roles/{role.pk}"
        return Response(RoleOut(named(role)).data, status=201, headers={"Location": location})


class OneRole(InOrganization):
    """One role."""

    @extend_schema(operation_id="organizations_roles_retrieve", responses=RoleOut)
    def get(self, request: Request, organization_id: str, role_id: str) -> Response:
        """Read one role."""
        return Response(RoleOut(queries.role(self.actor, self.organization(), role_id)).data)

    @extend_schema(operation_id="organizations_roles_update", request=RoleChange, responses=RoleOut)
    def patch(self, request: Request, organization_id: str, role_id: str) -> Response:
        """Change a role of the organization's own, for everybody who has it, at once."""
        organization, given = self.organization(), valid(RoleChange, request)
        role = custom_roles.change(by=self.actor, organization=organization, role_id=role_id, **given)
        return Response(RoleOut(named(role)).data)

    @extend_schema(operation_id="organizations_roles_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, role_id: str) -> Response:
        """Delete a role of the organization's own that nobody has."""
        custom_roles.delete(by=self.actor, organization=self.organization(), role_id=role_id)
        return Response(status=204)

"""An organization's host names by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.views import valid
from organizations import queries
from organizations.access import require
from organizations.actions import hostnames
from organizations.api import InOrganization
from organizations.hostnames.serializers import HostnameIn, HostnameOut


class Hostnames(InOrganization):
    """Host names that an organization claims."""

    @extend_schema(operation_id="organizations_hostnames_list", responses=HostnameOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List claimed host names, newest first, with the records that each needs."""
        return self.page(queries.hostnames_of(self.actor, self.organization()), HostnameOut)

    @extend_schema(operation_id="organizations_hostnames_create", request=HostnameIn, responses={201: HostnameOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Claim a host name. Public pages are served there once its TXT record is found."""
        organization = self.organization()
        made = hostnames.claim(by=self.actor, organization=organization, **valid(HostnameIn, request))
        location = f"/api/v1/organizations/{organization.pk}/hostnames/{made.pk}"
        return Response(HostnameOut(made).data, status=201, headers={"Location": location})


class OneHostname(InOrganization):
    """One host name."""

    @extend_schema(operation_id="organizations_hostnames_retrieve", responses=HostnameOut)
    def get(self, request: Request, organization_id: str, hostname_id: str) -> Response:
        """Read one host name."""
        return Response(HostnameOut(queries.hostname(self.actor, self.organization(), hostname_id)).data)

    @extend_schema(operation_id="organizations_hostnames_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, hostname_id: str) -> Response:
        """Give the host name up. Links that were given out for it open no more."""
        hostnames.give_up(by=self.actor, organization=self.organization(), hostname_id=hostname_id)
        return Response(status=204)


class HostnameCheck(InOrganization):
    """A look at DNS."""

    calls_out = True

    @extend_schema(operation_id="organizations_hostnames_check", request=None, responses=HostnameOut)
    def post(self, request: Request, organization_id: str, hostname_id: str) -> Response:
        """Look for the host name's TXT record now."""
        with rls.reading_as(self.actor.rls_actor):
            organization = self.organization()
            require(self.actor, hostnames.PERMISSION, organization)
        checked = hostnames.check(by=self.actor, organization=organization, hostname_id=hostname_id)
        return self.written(request, lambda: Response(HostnameOut(checked).data))

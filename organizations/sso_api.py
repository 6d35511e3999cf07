"""An organization's identity providers by API, and whether members must use them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.views import valid
from organizations import queries
from organizations.access import require
from organizations.actions import connections
from organizations.models import Connection, Organization
from organizations.people_api import InOrganization
from organizations.sso.oidc.provider import Discovered, discover
from organizations.sso.saml import metadata
from organizations.sso.saml.metadata import IdpMetadata
from organizations.sso_serializers import ConnectionChange, ConnectionIn, ConnectionOut

SWITCHES = {Connection.State.ENABLED: connections.enable, Connection.State.DISABLED: connections.disable}


class _Managed(InOrganization):
    """Providers are asked outside any transaction, and only for somebody who may manage the organization's sign-in."""

    calls_out = True

    def managed(self) -> Organization:
        """The organization of the address, for whoever may manage its sign-in."""
        with rls.reading_as(self.actor.rls_actor):
            organization = self.organization()
            require(self.actor, "sso.manage", organization)
        return organization


class Connections(_Managed):
    """Identity providers of an organization."""

    @extend_schema(operation_id="organizations_connections_list", responses=ConnectionOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List connections, newest first, also those that are switched off."""
        with rls.reading_as(self.actor.rls_actor):
            return self.page(queries.connections_of(self.actor, self.organization()), ConnectionOut)

    @extend_schema(
        operation_id="organizations_connections_create", request=ConnectionIn, responses={201: ConnectionOut}
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Add an identity provider, which is asked now. It signs in nobody until a member ties themselves."""
        organization, given = self.managed(), valid(ConnectionIn, request)
        asked = discover(given["issuer"]) if given["kind"] == Connection.Kind.OIDC else _metadata_of(given)
        return self.written(request, lambda: self._added(organization, given, asked))

    def _added(self, organization: Organization, given: dict[str, Any], asked: Discovered | IdpMetadata) -> Response:
        into: dict[str, Any] = {"by": self.actor, "organization": organization, "name": given["name"]}
        if isinstance(asked, Discovered):
            secrets = {name: given[name] for name in ("client_id", "client_secret")}
            made = connections.add_oidc(**into, provider=asked, **secrets)
        else:
            made = connections.add_saml(**into, metadata=asked, source_url=given.get("metadata_url", ""))
        location = f"/api/v1/organizations/{organization.pk}/connections/{made.pk}"
        return Response(ConnectionOut(made).data, status=201, headers={"Location": location})


class OneConnection(_Managed):
    """One identity provider."""

    @extend_schema(operation_id="organizations_connections_retrieve", responses=ConnectionOut)
    def get(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Read one connection."""
        with rls.reading_as(self.actor.rls_actor):
            return self._shown(self.organization(), connection_id)

    @extend_schema(operation_id="organizations_connections_update", request=ConnectionChange, responses=ConnectionOut)
    def patch(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Renew its secret or metadata, or switch it off or on. Switching off ends the sessions it proved."""
        organization, given = self.managed(), valid(ConnectionChange, request)
        with rls.reading_as(self.actor.rls_actor):
            queries.connection(self.actor, organization, connection_id)
        asked = _metadata_of(given) if "metadata_url" in given or "metadata_xml" in given else None
        return self.written(request, lambda: self._changed(organization, connection_id, given, asked))

    def _changed(
        self, organization: Organization, connection_id: str, given: dict[str, Any], asked: IdpMetadata | None
    ) -> Response:
        which: dict[str, Any] = {"by": self.actor, "organization": organization, "connection_id": connection_id}
        if asked is not None:
            connections.renew_saml(**which, metadata=asked)
        if "client_secret" in given:
            connections.renew_secret(**which, client_secret=given["client_secret"])
        if "state" in given:
            SWITCHES[given["state"]](**which)
        return self._shown(organization, connection_id)

    def _shown(self, organization: Organization, connection_id: str) -> Response:
        return Response(ConnectionOut(queries.connection(self.actor, organization, connection_id)).data)


def _metadata_of(given: dict[str, Any]) -> IdpMetadata:
    if "metadata_url" in given:
        return metadata.fetch(given["metadata_url"])
    return metadata.parse(given["metadata_xml"])

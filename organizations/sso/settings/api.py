"""An organization's identity providers by API: added, changed, exchanged and tried."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.views import valid
from controlplane.problems import NotFound
from organizations import queries
from organizations.access import require
from organizations.actions import certificates, connections, mapping, renewing, sign_in_tests
from organizations.actions.previewing import outlook_of
from organizations.api import InOrganization
from organizations.models import Connection, Organization
from organizations.sso.claims import told_by
from organizations.sso.oidc.provider import Discovered, discover
from organizations.sso.saml import metadata
from organizations.sso.saml.metadata import IdpMetadata
from organizations.sso.settings.serializers import (
    TYPED,
    ConnectionChange,
    ConnectionIn,
    ConnectionOut,
    SignInTestOut,
)

SWITCHES = {Connection.State.ENABLED: connections.enable, Connection.State.DISABLED: connections.disable}


class Managed(InOrganization):
    """Providers are asked outside any transaction, and only for somebody who may manage the organization's sign-in."""

    calls_out = True

    def managed(self) -> Organization:
        """The organization of the address, for whoever may manage its sign-in and proved just now who they are."""
        with rls.reading_as(self.actor.rls_actor):
            organization = self.organization()
            require(self.actor, "sso.manage", organization, confirmed=True)
        return organization


class Connections(Managed):
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
        asked = discover(given["issuer"]) if given["kind"] == Connection.Kind.OIDC else _provider_of(given)
        return self.written(request, lambda: self._added(organization, given, asked))

    def _added(self, organization: Organization, given: dict[str, Any], asked: Discovered | IdpMetadata) -> Response:
        into: dict[str, Any] = {"by": self.actor, "organization": organization, "name": given["name"]}
        if isinstance(asked, Discovered):
            client = {name: given[name] for name in ("client_id", "client_secret", "scopes") if name in given}
            made = connections.add_oidc(**into, provider=asked, **client)
        else:
            made = connections.add_saml(**into, metadata=asked, source_url=given.get("metadata_url", ""))
        location = f"/api/v1/organizations/{organization.pk}/connections/{made.pk}"
        return Response(ConnectionOut(made).data, status=201, headers={"Location": location})


class OneConnection(Managed):
    """One identity provider."""

    @extend_schema(operation_id="organizations_connections_retrieve", responses=ConnectionOut)
    def get(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Read one connection."""
        with rls.reading_as(self.actor.rls_actor):
            return self._shown(self.organization(), connection_id)

    @extend_schema(operation_id="organizations_connections_update", request=ConnectionChange, responses=ConnectionOut)
    def patch(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Change a connection, renew its secret or metadata, or switch it. Off ends the sessions that it proved."""
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
            renewing.renew_saml(**which, metadata=asked)
        for names, change in CHANGES:
            if any(name in given for name in names):
                change(which, given)
        return self._shown(organization, connection_id)

    def _shown(self, organization: Organization, connection_id: str) -> Response:
        return Response(ConnectionOut(queries.connection(self.actor, organization, connection_id)).data)


class LastTest(InOrganization):
    """The last test sign-in of a connection. A test needs a browser: begin it on the connection's page."""

    @extend_schema(operation_id="organizations_connections_test_retrieve", responses=SignInTestOut)
    def get(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Read what the provider sent, and what it would come to."""
        organization = self.organization()
        connection = queries.connection(self.actor, organization, connection_id)
        test = sign_in_tests.latest(self.actor, organization, connection)
        if test is None:
            raise NotFound("This connection was not tested yet.", hint="Begin a test on the connection's page.")
        told = told_by(connection.kind, connection.mapping, test.claims)
        found = outlook_of(organization, connection, test)
        would = vars(found) if found else None
        shown: Any = {**vars(test), "email": told.email, "name": told.name, "groups": told.groups, "would": would}
        return Response(SignInTestOut(shown).data)


def _map(which: dict[str, Any], given: dict[str, Any]) -> None:
    present = connections.found(which["organization"], which["connection_id"])
    mapping.set_mapping(
        **which,
        mapping=given.get("mapping", present.mapping),
        role_rules=given.get("role_rules", present.role_rules),
        default_role=given.get("default_role", present.default_role),
    )


# What a PATCH names, and how it is done, in the order in which it is done.
CHANGES: tuple[tuple[tuple[str, ...], Callable[[dict[str, Any], dict[str, Any]], object]], ...] = (
    (
        ("name", "scopes"),
        lambda which, given: connections.describe(**which, name=given.get("name"), scopes=given.get("scopes")),
    ),
    (
        ("client_secret",),
        lambda which, given: renewing.renew_secret(**which, client_secret=given["client_secret"]),
    ),
    (
        ("signs_requests",),
        lambda which, given: certificates.sign_requests(**which, wanted=given["signs_requests"]),
    ),
    (("mapping", "role_rules", "default_role"), _map),
    (("just_in_time",), lambda which, given: mapping.set_just_in_time(**which, wanted=given["just_in_time"])),
    (("state",), lambda which, given: SWITCHES[given["state"]](**which)),
)


def _provider_of(given: dict[str, Any]) -> IdpMetadata:
    if "entity_id" in given:
        return metadata.typed(**{name: given[name] for name in TYPED})
    return _metadata_of(given)


def _metadata_of(given: dict[str, Any]) -> IdpMetadata:
    if "metadata_url" in given:
        return metadata.fetch(given["metadata_url"])
    return metadata.parse(given["metadata_xml"])

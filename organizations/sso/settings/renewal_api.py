"""What is exchanged on a connection, by API: certificates, our own key, and what the provider publishes."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.views import valid
from organizations import queries
from organizations.actions import certificates, renewing
from organizations.models import Connection
from organizations.sso.settings.api import Managed
from organizations.sso.settings.serializers import CertificateIn, ConnectionOut


class Certificates(Managed):
    """Signing certificates of a SAML provider."""

    calls_out = False

    @extend_schema(
        operation_id="organizations_connections_certificates_create",
        request=CertificateIn,
        responses={201: ConnectionOut},
    )
    def post(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Accept a further certificate beside those that are accepted."""
        which: dict[str, Any] = {"by": self.actor, "organization": self.managed(), "connection_id": connection_id}
        made = certificates.add(**which, **valid(CertificateIn, request))
        return Response(ConnectionOut(made).data, status=201)


class OneCertificate(Managed):
    """One certificate."""

    calls_out = False

    @extend_schema(operation_id="organizations_connections_certificates_delete", responses=ConnectionOut)
    def delete(self, request: Request, organization_id: str, connection_id: str, fingerprint: str) -> Response:
        """Accept it no longer. The last one stays."""
        which: dict[str, Any] = {"by": self.actor, "organization": self.managed(), "connection_id": connection_id}
        return Response(ConnectionOut(certificates.remove(**which, fingerprint_of=fingerprint)).data)


class OwnKey(Managed):
    """The key that signs our requests to a SAML provider."""

    calls_out = False

    @extend_schema(operation_id="organizations_connections_own_key_create", request=None, responses=ConnectionOut)
    def post(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Make the next key. The present one signs on; our metadata tell both certificates."""
        return self._done(certificates.add_next_own, connection_id)

    @extend_schema(operation_id="organizations_connections_own_key_switch", request=None, responses=ConnectionOut)
    def put(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Sign by the next key from now on."""
        return self._done(certificates.switch_own, connection_id)

    def _done(self, act: Callable[..., Connection], connection_id: str) -> Response:
        changed = act(by=self.actor, organization=self.managed(), connection_id=connection_id)
        return Response(ConnectionOut(changed).data)


class Refresh(Managed):
    """Metadata or discovery, read again."""

    @extend_schema(operation_id="organizations_connections_refresh", request=None, responses=ConnectionOut)
    def post(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Read the provider's metadata or discovery document again, where it was read from."""
        organization = self.managed()
        with rls.reading_as(self.actor.rls_actor):
            connection = queries.connection(self.actor, organization, connection_id)
        renewing.refresh(by=self.actor, organization=organization, connection=connection)
        with rls.reading_as(self.actor.rls_actor):
            fresh = ConnectionOut(queries.connection(self.actor, organization, connection_id)).data
        return self.written(request, lambda: Response(fresh))

"""Short-lived credentials by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView, valid
from tenants.access import actions, queries
from tenants.access.serializers import DashboardCodeOut, DashboardIn, RevocationOut, RotationTokenOut, StreamTokenOut
from tenants.provisioning.api import TenantView


class Dashboard(TenantView):
    """Entering a tenant's dashboard."""

    @extend_schema(operation_id="tenants_dashboard_open", request=DashboardIn, responses={201: DashboardCodeOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Get a one-time code for the dashboard."""
        asked = valid(DashboardIn, request)
        code = actions.open_dashboard(by=self.actor, tenant=self.tenant(tenant_id), **asked)
        return Response(DashboardCodeOut(code).data, status=201)


class EventsToken(TenantView):
    """Reading a tenant's events."""

    @extend_schema(operation_id="tenants_events_token", request=None, responses={201: StreamTokenOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Get a credential for the event stream."""
        stream = actions.event_stream_token(by=self.actor, tenant=self.tenant(tenant_id))
        return Response(StreamTokenOut(stream).data, status=201)


class CertsToken(TenantView):
    """Rotating a tenant's certificates at the edge itself."""

    @extend_schema(operation_id="tenants_certs_token", request=None, responses={201: RotationTokenOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Get a credential to rotate certificates, also while the portal is away."""
        token = actions.rotation_token(by=self.actor, tenant=self.tenant(tenant_id))
        return Response(RotationTokenOut(token).data, status=201)


class Revocations(TenantView, ListView):
    """Access to a tenant that was ended."""

    @extend_schema(operation_id="tenants_revocations_list", responses=RevocationOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List ended access, newest first."""
        return self.page(queries.revocations_of(self.actor, self.tenant(tenant_id)), RevocationOut)

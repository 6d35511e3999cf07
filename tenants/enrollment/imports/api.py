"""Imports by API."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from tenants.enrollment.imports import actions
from tenants.enrollment.imports.serializers import ImportedOut, ImportIn
from tenants.provisioning.api import TenantView


class Imports(TenantView):
    """Agents that exist already."""

    @extend_schema(
        operation_id="tenants_agents_import",
        request=ImportIn,
        responses={200: ImportedOut(many=True), (503, "application/problem+json"): OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, tenant_id: str) -> Response:
        """Take over agents of another manager with their numbers and keys; the keys are kept nowhere in the portal."""
        tenant = self.tenant(tenant_id)
        results = actions.import_agents(by=self.actor, tenant=tenant, **valid(ImportIn, request))
        return Response(ImportedOut(results, many=True).data)

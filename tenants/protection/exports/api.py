"""Exports by API: ask for one, follow it, take it away."""

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView
from tenants.protection.exports import actions, queries
from tenants.protection.exports.download import TYPE, download
from tenants.protection.exports.serializers import ExportOut
from tenants.provisioning.api import TenantView


class Exports(TenantView, ListView):
    """A tenant's exports."""

    @extend_schema(operation_id="tenants_exports_list", responses=ExportOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List the exports that have not expired, newest first."""
        return self.page(queries.exports_of(self.actor, self.tenant(tenant_id)), ExportOut)

    @extend_schema(operation_id="tenants_exports_create", request=None, responses={202: ExportOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """
        Have everything of a tenant exported: agents, events, alerts, and what the portal knows of it.

        It works while the tenant runs, rests, or lies in the recycle bin; `left_out` says what only a running indexer
        has. Poll it until `can_be_downloaded` is true. It is kept for 7 days, and not beyond the tenant's erasure.
        """
        export = actions.ask(by=self.actor, tenant=self.tenant(tenant_id))
        headers = {"Location": f"/api/v1/tenants/{tenant_id}/exports/{export.pk}"}
        return Response(ExportOut(export).data, status=202, headers=headers)


class OneExport(TenantView):
    """One export."""

    @extend_schema(operation_id="tenants_exports_retrieve", responses=ExportOut)
    def get(self, request: Request, tenant_id: str, export_id: str) -> Response:
        """Read an export."""
        return Response(ExportOut(queries.export(self.actor, self.tenant(tenant_id), export_id)).data)


class ExportFile(TenantView):
    """An export as a file."""

    calls_out = True

    @extend_schema(
        operation_id="tenants_exports_download",
        responses={
            (200, TYPE): OpenApiTypes.BINARY,
            (409, "application/problem+json"): OpenApiTypes.OBJECT,
            (503, "application/problem+json"): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request, tenant_id: str, export_id: str) -> StreamingHttpResponse:
        """
        Download an export as a tar file. That it was taken away becomes an entry of the trail.

        Unpack it and run `sha256sum --check SHA256SUMS`, which is its last file: a download that was cut off has none.
        """
        return download(self.actor, tenant_id, export_id)

"""Receipts by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView
from tenants.protection.receipts import actions, queries
from tenants.protection.receipts.serializers import SignedReceiptOut
from tenants.provisioning import queries as tenants
from tenants.provisioning.api import TenantView


class Receipts(ListView):
    """The receipts of one tenant."""

    @extend_schema(operation_id="receipts_list", responses=SignedReceiptOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List what the edge signed about a tenant, also an erased one, newest first."""
        tenant = tenants.find(self.actor, tenant_id)
        return self.page(queries.receipts_of(self.actor, tenant), SignedReceiptOut)


class OneReceipt(TenantView):
    """One receipt."""

    @extend_schema(operation_id="receipts_retrieve", responses=SignedReceiptOut)
    def get(self, request: Request, tenant_id: str, receipt_id: str) -> Response:
        """Read a receipt; it is pending until the edge has signed."""
        return Response(SignedReceiptOut(queries.find(self.actor, self.tenant(tenant_id), receipt_id)).data)


class IsolationReceipt(TenantView):
    """Asking for an isolation receipt."""

    @extend_schema(operation_id="tenants_isolation_receipt", request=None, responses={202: SignedReceiptOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have the edge look at a tenant now and sign which objects, keys and places are its alone."""
        receipt = actions.ask_for_isolation_receipt(by=self.actor, tenant=self.tenant(tenant_id))
        location = f"/api/v1/tenants/{tenant_id}/receipts/{receipt.pk}"
        return Response(SignedReceiptOut(receipt).data, status=202, headers={"Location": location})

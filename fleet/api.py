"""Offboarding by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from fleet.offboarding import confirmed_by_edge
from fleet.serializers import DepartureEdge, DeparturePlan, OffboardingOut, ReceiptOut
from organizations import queries
from organizations.actions import offboarding
from organizations.api import InOrganization


class MemberOffboarding(InOrganization):
    """Somebody's departure from an MSP."""

    @extend_schema(operation_id="organizations_members_offboarding_preview", responses=DeparturePlan)
    def get(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Read what an offboarding would close, and what it can't."""
        return Response(
            DeparturePlan(offboarding.preview(by=self.actor, msp=self.organization(), membership_id=membership_id)).data
        )

    @extend_schema(
        operation_id="organizations_members_offboarding_create", request=None, responses={201: OffboardingOut}
    )
    def post(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Have a member leave the MSP and all its clients at once."""
        organization = self.organization()
        made = offboarding.offboard(by=self.actor, msp=organization, membership_id=membership_id)
        headers = {"Location": f"/api/v1/organizations/{organization.pk}/offboardings/{made.pk}"}
        return Response(OffboardingOut(made).data, status=201, headers=headers)


class Offboardings(InOrganization):
    """Receipts of departures."""

    @extend_schema(operation_id="organizations_offboardings_list", responses=OffboardingOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List receipts, newest first."""
        return self.page(queries.offboardings_of(self.actor, self.organization()), OffboardingOut)


class OneOffboarding(InOrganization):
    """One receipt."""

    @extend_schema(operation_id="organizations_offboardings_retrieve", responses=ReceiptOut)
    def get(self, request: Request, organization_id: str, offboarding_id: str) -> Response:
        """Read one receipt, with what the edge has confirmed by now."""
        organization = self.organization()
        found = queries.offboarding(self.actor, organization, offboarding_id)
        edge = DepartureEdge(confirmed_by_edge(self.actor, organization, found)).data
        return Response({**OffboardingOut(found).data, "edge": edge})

"""MSPs' access to clients by API: requests, answers, reviews, withdrawal."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.views import ApiView, valid
from organizations import queries
from organizations.actions import access_requests, emergency_access, grants, reviews
from organizations.api import InOrganization
from organizations.models import Grant
from organizations.msp.emergency_views import break_into
from organizations.msp.serializers import (
    AccessRequestIn,
    AccessRequestOut,
    ApprovalIn,
    CodeIn,
    EmergencyIn,
    EmergencyOut,
    GrantChange,
    GrantOut,
    NewAccessRequestOut,
    ReviewIn,
)


class Grants(InOrganization):
    """MSPs' access to an organization, or an MSP's access to its clients."""

    @extend_schema(operation_id="organizations_grants_list", responses=GrantOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List grants that hold, given by or to the organization."""
        return self.page(queries.grants_around(self.actor, self.organization()), GrantOut)

    @extend_schema(operation_id="organizations_grants_create", request=ApprovalIn, responses={201: GrantOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Let an MSP in, by the code of its request. Only the organization's own owners do."""
        organization, given = self.organization(), valid(ApprovalIn, request)
        grant = access_requests.approve(by=self.actor, organization=organization, **given)
        headers = {"Location": f"/api/v1/grants/{grant.pk}"}
        return Response(GrantOut(grant).data, status=201, headers=headers)


class Refusals(InOrganization):
    """Requests that an organization turns down."""

    @extend_schema(operation_id="organizations_access_refusals_create", request=CodeIn, responses={204: None})
    def post(self, request: Request, organization_id: str) -> Response:
        """Turn a request down by its code. The MSP does not hear from whom."""
        organization, given = self.organization(), valid(CodeIn, request)
        access_requests.decline(by=self.actor, organization=organization, **given)
        return Response(status=204)


class AccessRequests(InOrganization):
    """What an MSP asks for."""

    @extend_schema(
        operation_id="organizations_access_requests_list", responses=AccessRequestOut(many=True), filters=False
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """List an MSP's requests for access, newest first."""
        return self.page(queries.access_requests_of(self.actor, self.organization()), AccessRequestOut)

    @extend_schema(
        operation_id="organizations_access_requests_create",
        request=AccessRequestIn,
        responses={201: NewAccessRequestOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Ask for access. Its code is in this answer only; it is mailed too where an address is given."""
        msp, given = self.organization(), valid(AccessRequestIn, request)
        made, code = access_requests.ask(by=self.actor, msp=msp, **given)
        return Response({**AccessRequestOut(made).data, "code": code}, status=201)


class OneAccessRequest(InOrganization):
    """One request."""

    @extend_schema(operation_id="organizations_access_requests_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, request_id: str) -> Response:
        """Take a request back before it is answered."""
        access_requests.take_back(by=self.actor, msp=self.organization(), request_id=request_id)
        return Response(status=204)


class OneGrant(ApiView):
    """One grant."""

    def hold(self) -> None:
        """Locks the grant."""
        grant = queries.grant(self.actor, self.kwargs["grant_id"])
        with rls.acting_as(f"org:{grant.client_id}"):
            Grant.objects.select_for_update().get(pk=grant.pk)

    @extend_schema(operation_id="grants_retrieve", responses=GrantOut)
    def get(self, request: Request, grant_id: str) -> Response:
        """Read one grant."""
        return Response(GrantOut(queries.grant(self.actor, grant_id)).data)

    @extend_schema(operation_id="grants_limit", request=GrantChange, responses=GrantOut)
    def patch(self, request: Request, grant_id: str) -> Response:
        """Lower the ceiling or set an earlier end, from either side."""
        grant = queries.grant(self.actor, grant_id)
        changed = grants.limit_grant(by=self.actor, grant=grant, **valid(GrantChange, request))
        return Response(GrantOut(changed).data)

    @extend_schema(operation_id="grants_withdraw", responses={200: GrantOut})
    def delete(self, request: Request, grant_id: str) -> Response:
        """End the access at once."""
        grant = queries.grant(self.actor, grant_id)
        return Response(GrantOut(grants.withdraw(by=self.actor, grant=grant)).data)


class GrantReview(ApiView):
    """A client's review."""

    @extend_schema(operation_id="grants_review", request=ReviewIn, responses=GrantOut)
    def put(self, request: Request, grant_id: str) -> Response:
        """Say anew, in the client's name, up to which role and for how long."""
        grant = queries.grant(self.actor, grant_id)
        return Response(GrantOut(reviews.review(by=self.actor, grant=grant, **valid(ReviewIn, request))).data)


class Emergencies(InOrganization):
    """Emergencies of MSPs' people in an organization."""

    @extend_schema(operation_id="organizations_emergencies_list", responses=EmergencyOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List emergencies in the organization, newest first."""
        return self.page(queries.emergencies_in(self.actor, self.organization()), EmergencyOut)

    @extend_schema(operation_id="organizations_emergencies_create", request=EmergencyIn, responses={201: EmergencyOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """
        Break into the organization for an hour, and work in it from now on. Persons only; its owners are mailed.

        The session works in no other client any more, as if it had chosen this one on its page.
        """
        client, given = self.organization(), valid(EmergencyIn, request)
        made = break_into(request, client, grant_id=given["grant"], reason=given["reason"])
        return Response(EmergencyOut(made).data, status=201)


class OneEmergency(ApiView):
    """One emergency."""

    @extend_schema(operation_id="emergencies_end", responses={204: None})
    def delete(self, request: Request, emergency_id: str) -> Response:
        """End it before its hour, from either side."""
        emergency_access.end(by=self.actor, emergency=queries.emergency(self.actor, emergency_id))
        return Response(status=204)

"""Members of an organization, invitations and requests to join by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from organizations import queries
from organizations.actions import client_roles, invitations, join_requests, members, service_accounts
from organizations.api import InOrganization
from organizations.members.serializers import (
    InvitationIn,
    InvitationOut,
    JoinRequestOut,
    MemberOut,
    RoleIn,
    ServiceAccountIn,
)
from organizations.msp.serializers import ClientSets


class Members(InOrganization):
    """Members of an organization."""

    @extend_schema(operation_id="organizations_members_list", responses=MemberOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List members, newest first."""
        return self.page(queries.members_of(self.actor, self.organization()), MemberOut)


class ServiceAccounts(InOrganization):
    """Members that are programs."""

    @extend_schema(operation_id="organizations_service_accounts_list", responses=MemberOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List service accounts, newest first. They are members too: change and remove them as such."""
        found = queries.members_of(self.actor, self.organization())
        return self.page(found.filter(user__is_service=True), MemberOut)

    @extend_schema(
        operation_id="organizations_service_accounts_create", request=ServiceAccountIn, responses={201: MemberOut}
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Make a service account. Nobody signs in as it; give it keys."""
        organization = self.organization()
        made = service_accounts.create(by=self.actor, organization=organization, **valid(ServiceAccountIn, request))
        location = f"/api/v1/organizations/{organization.pk}/members/{made.pk}"
        return Response(MemberOut(made).data, status=201, headers={"Location": location})


class OneMember(InOrganization):
    """One member."""

    @extend_schema(operation_id="organizations_members_retrieve", responses=MemberOut)
    def get(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Read one member."""
        return Response(MemberOut(queries.member(self.actor, self.organization(), membership_id)).data)

    @extend_schema(operation_id="organizations_members_update", request=RoleIn, responses=MemberOut)
    def patch(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Give a member another role."""
        organization = self.organization()
        given = valid(RoleIn, request)
        members.change_role(by=self.actor, organization=organization, membership_id=membership_id, **given)
        return Response(MemberOut(queries.member(self.actor, organization, membership_id)).data)

    @extend_schema(operation_id="organizations_members_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """End a membership, with its API keys and sessions."""
        members.remove(by=self.actor, organization=self.organization(), membership_id=membership_id)
        return Response(status=204)


class MemberClients(InOrganization):
    """In which clients a member of an MSP works, and as what."""

    @extend_schema(operation_id="organizations_members_clients_retrieve", responses=ClientSets)
    def get(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Read a member's sets of clients; none is every client, in their own role."""
        membership = queries.member(self.actor, self.organization(), membership_id)
        return Response(ClientSets({"sets": membership.client_roles.all()}).data)

    @extend_schema(operation_id="organizations_members_clients_update", request=ClientSets, responses=ClientSets)
    def put(self, request: Request, organization_id: str, membership_id: str) -> Response:
        """Give a member exactly these sets of clients."""
        organization, given = self.organization(), valid(ClientSets, request)
        sets = [client_roles.WantedSet(**each) for each in given["sets"]]
        made = client_roles.set_client_roles(by=self.actor, msp=organization, membership_id=membership_id, sets=sets)
        return Response(ClientSets({"sets": made}).data)


class Invitations(InOrganization):
    """Invitations of an organization."""

    @extend_schema(operation_id="organizations_invitations_list", responses=InvitationOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List invitations, newest first: those that are open, and for 30 days those that have ended."""
        return self.page(queries.invitations_of(self.actor, self.organization()), InvitationOut)

    @extend_schema(
        operation_id="organizations_invitations_create", request=InvitationIn, responses={201: InvitationOut}
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Invite an e-mail address, and mail it. The answer does not tell whether anybody has it."""
        organization = self.organization()
        made = invitations.invite(by=self.actor, organization=organization, **valid(InvitationIn, request))
        location = f"/api/v1/organizations/{organization.pk}/invitations/{made.pk}"
        return Response(InvitationOut(made).data, status=201, headers={"Location": location})


class OneInvitation(InOrganization):
    """One invitation."""

    @extend_schema(operation_id="organizations_invitations_retrieve", responses=InvitationOut)
    def get(self, request: Request, organization_id: str, invitation_id: str) -> Response:
        """Read one invitation. One that was taken up, declined or withdrawn is gone; the audit log tells which."""
        return Response(InvitationOut(queries.invitation(self.actor, self.organization(), invitation_id)).data)

    @extend_schema(operation_id="organizations_invitations_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, invitation_id: str) -> Response:
        """Take an invitation back."""
        invitations.withdraw(by=self.actor, organization=self.organization(), invitation_id=invitation_id)
        return Response(status=204)


class InvitationMail(InOrganization):
    """The mail of an invitation."""

    @extend_schema(operation_id="organizations_invitations_resend", request=None, responses=InvitationOut)
    def post(self, request: Request, organization_id: str, invitation_id: str) -> Response:
        """Mail it once more, three times an hour at most. It is good for 14 days from now, also one that had ended."""
        sent = invitations.send_again(by=self.actor, organization=self.organization(), invitation_id=invitation_id)
        return Response(InvitationOut(sent).data)


class JoinRequests(InOrganization):
    """Requests to join an organization."""

    @extend_schema(operation_id="organizations_join_requests_list", responses=JoinRequestOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List requests that wait for somebody to decide, newest first."""
        return self.page(queries.join_requests_of(self.actor, self.organization()), JoinRequestOut)


class JoinRequestApproval(InOrganization):
    """The approval of a request to join."""

    @extend_schema(operation_id="organizations_join_requests_approve", request=RoleIn, responses={201: MemberOut})
    def post(self, request: Request, organization_id: str, join_request_id: str) -> Response:
        """Let somebody in who asked, with a role that can do no more than the caller, and mail them."""
        organization = self.organization()
        given = valid(RoleIn, request)
        made = join_requests.approve(by=self.actor, organization=organization, join_request_id=join_request_id, **given)
        location = f"/api/v1/organizations/{organization.pk}/members/{made.pk}"
        shown = MemberOut(queries.member(self.actor, organization, made.pk)).data
        return Response(shown, status=201, headers={"Location": location})


class JoinRequestRefusal(InOrganization):
    """The refusal of a request to join."""

    @extend_schema(operation_id="organizations_join_requests_decline", request=None, responses={204: None})
    def post(self, request: Request, organization_id: str, join_request_id: str) -> Response:
        """Turn somebody down who asked, and mail them. They can ask again 30 days after they did."""
        join_requests.decline(by=self.actor, organization=self.organization(), join_request_id=join_request_id)
        return Response(status=204)

"""Members, invitations and API keys of an organization by API."""

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView, valid
from organizations import queries
from organizations.actions import invitations, keys, members
from organizations.models import Organization
from organizations.serializers import (
    InvitationIn,
    InvitationOut,
    KeyIn,
    KeyOut,
    MemberOut,
    NewKeyOut,
    RoleIn,
)


class InOrganization(ListView):
    """Something inside one organization; another organization's is not found."""

    def organization(self) -> Organization:
        """The organization of the address."""
        return queries.find(self.actor, self.kwargs["organization_id"])


class Members(InOrganization):
    """Members of an organization."""

    @extend_schema(operation_id="organizations_members_list", responses=MemberOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List members, newest first."""
        return self.page(queries.members_of(self.actor, self.organization()), MemberOut)


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


class Invitations(InOrganization):
    """Invitations of an organization."""

    @extend_schema(operation_id="organizations_invitations_list", responses=InvitationOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List open invitations, newest first."""
        return self.page(queries.invitations_of(self.actor, self.organization()), InvitationOut)

    @extend_schema(
        operation_id="organizations_invitations_create", request=InvitationIn, responses={201: InvitationOut}
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Invite an e-mail address. The answer does not tell whether anybody has it."""
        organization = self.organization()
        invitation = invitations.invite(by=self.actor, organization=organization, **valid(InvitationIn, request))
        return Response(InvitationOut(invitation).data, status=201)


class OneInvitation(InOrganization):
    """One invitation."""

    @extend_schema(operation_id="organizations_invitations_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, invitation_id: str) -> Response:
        """Take an invitation back."""
        invitations.withdraw(by=self.actor, organization=self.organization(), invitation_id=invitation_id)
        return Response(status=204)


class Keys(InOrganization):
    """API keys of an organization."""

    @extend_schema(operation_id="organizations_keys_list", responses=KeyOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List API keys, newest first, also those that have ended."""
        return self.page(queries.keys_of(self.actor, self.organization()), KeyOut)

    @extend_schema(operation_id="organizations_keys_create", request=KeyIn, responses={201: NewKeyOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Make an API key. Its secret is in this answer only."""
        given = valid(KeyIn, request)
        lasting = dt.timedelta(days=given.pop("expires_in_days"))
        key, secret = keys.create(by=self.actor, organization=self.organization(), expires_in=lasting, **given)
        shown: dict[str, Any] = {**KeyOut(key).data, "secret": secret}
        location = f"/api/v1/organizations/{key.organization_id}/keys/{key.pk}"
        return Response(shown, status=201, headers={"Location": location})


class OneKey(InOrganization):
    """One API key."""

    @extend_schema(operation_id="organizations_keys_retrieve", responses=KeyOut)
    def get(self, request: Request, organization_id: str, key_id: str) -> Response:
        """Read one API key."""
        return Response(KeyOut(queries.key(self.actor, self.organization(), key_id)).data)

    @extend_schema(operation_id="organizations_keys_revoke", responses=KeyOut)
    def delete(self, request: Request, organization_id: str, key_id: str) -> Response:
        """End an API key at once."""
        return Response(KeyOut(keys.revoke(by=self.actor, organization=self.organization(), key_id=key_id)).data)

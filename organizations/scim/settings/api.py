"""A connection's provisioning by API: its address, who is who, and the tokens of its SCIM client."""

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from organizations.actions import scim_tokens
from organizations.api import InOrganization
from organizations.keys.models import LONGEST_DAYS
from organizations.models import ScimToken
from organizations.scim.people import ATTRIBUTES
from organizations.scim.settings.rows import provisioning_of
from organizations.sso.claims import LONGEST_CLAIM


class ScimTokenOut(serializers.ModelSerializer[ScimToken]):
    """A provisioning token, without its secret."""

    state = serializers.CharField(help_text="active, expired or revoked")

    class Meta:
        model = ScimToken
        fields = ["id", "state", "created_at", "expires_at", "last_used_at", "last_used_address", "revoked_at"]
        read_only_fields = fields


class NewScimTokenOut(ScimTokenOut):
    """A provisioning token as it is shown once."""

    secret = serializers.CharField(help_text="The token itself, in this answer only")

    class Meta(ScimTokenOut.Meta):
        fields = [*ScimTokenOut.Meta.fields, "secret"]
        read_only_fields = fields


class ScimTokenIn(serializers.Serializer[Any]):
    """How long a provisioning token works."""

    expires_in_days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=365)


class SubjectIn(serializers.Serializer[Any]):
    """Which SCIM attribute names people as the connection does, and by which claim; an empty one is the subject."""

    attribute = serializers.ChoiceField(choices=ATTRIBUTES)
    claim = serializers.CharField(max_length=LONGEST_CLAIM, allow_blank=True, default="")


class ProvisioningOut(serializers.Serializer[Any]):
    """A connection's provisioning."""

    address = serializers.CharField(help_text="What the SCIM client is given")
    attribute = serializers.ChoiceField(choices=ATTRIBUTES, help_text="What names people as the connection does")
    claim = serializers.CharField(help_text="The claim that is compared with it; empty for the subject")
    users = serializers.IntegerField()
    active = serializers.IntegerField()
    tied = serializers.IntegerField(help_text="Users whom the connection has proven")
    groups = serializers.IntegerField()
    missing_groups = serializers.ListField(
        child=serializers.CharField(), help_text="Groups of the table of roles that the directory does not tell"
    )
    tokens = ScimTokenOut(many=True)


class Provisioning(InOrganization):
    """Provisioning by one connection."""

    tagged = frozenset({"attribute", "claim"})

    @extend_schema(operation_id="organizations_connections_provisioning_retrieve", responses=ProvisioningOut)
    def get(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Read address, tokens and how many people the directory told of."""
        return self._shown(connection_id)

    @extend_schema(
        operation_id="organizations_connections_provisioning_update", request=SubjectIn, responses=ProvisioningOut
    )
    def patch(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Say what names people in both. It counts for users who are tied to nobody yet."""
        organization, given = self.organization(), valid(SubjectIn, request)
        scim_tokens.set_subject(by=self.actor, organization=organization, connection_id=connection_id, **given)
        return self._shown(connection_id)

    @extend_schema(operation_id="organizations_connections_provisioning_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Stop provisioning: tokens end, and what the directory told is forgotten. Members stay what they are."""
        scim_tokens.forget(by=self.actor, organization=self.organization(), connection_id=connection_id)
        return Response(status=204)

    def _shown(self, connection_id: str) -> Response:
        return Response(ProvisioningOut(provisioning_of(self.actor, self.organization(), connection_id)).data)


class ScimTokens(InOrganization):
    """Provisioning tokens."""

    @extend_schema(
        operation_id="organizations_connections_provisioning_tokens_create",
        request=ScimTokenIn,
        responses={201: NewScimTokenOut},
    )
    def post(self, request: Request, organization_id: str, connection_id: str) -> Response:
        """Make a token, the second beside one that works at most. Its secret is in this answer only."""
        lasting = dt.timedelta(days=valid(ScimTokenIn, request)["expires_in_days"])
        token, secret = scim_tokens.create(
            by=self.actor, organization=self.organization(), connection_id=connection_id, expires_in=lasting
        )
        return Response({**ScimTokenOut(token).data, "secret": secret}, status=201)


class OneScimToken(InOrganization):
    """One provisioning token."""

    @extend_schema(operation_id="organizations_connections_provisioning_tokens_revoke", responses={200: ScimTokenOut})
    def delete(self, request: Request, organization_id: str, connection_id: str, scim_token_id: str) -> Response:
        """End a token at once."""
        ended = scim_tokens.revoke(
            by=self.actor, organization=self.organization(), connection_id=connection_id, token_id=scim_token_id
        )
        return Response(ScimTokenOut(ended).data)

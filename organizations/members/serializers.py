"""Members, invitations and requests to join as they go over the wire."""

from typing import Any

from rest_framework import serializers

from organizations.actions.service_accounts import LONGEST_NAME
from organizations.models import (
    Invitation,
    JoinRequest,
    Membership,
)
from organizations.permissions import ROLE_HELP


class MemberOut(serializers.ModelSerializer[Membership]):
    """A member of an organization."""

    user = serializers.CharField(source="user_id")
    email = serializers.CharField(source="user.email", help_text="Empty of a service account")
    is_service = serializers.BooleanField(source="user.is_service", help_text="Whether it is a service account")
    email_verified = serializers.BooleanField(source="user.email_verified")
    name = serializers.CharField(source="user.name")

    class Meta:
        model = Membership
        fields = ["id", "user", "email", "email_verified", "is_service", "name", "role", "created_at", "blocked_at"]
        read_only_fields = fields


class RoleIn(serializers.Serializer[Any]):
    """A member's new role."""

    role = serializers.CharField(max_length=32, help_text=ROLE_HELP)


class ServiceAccountIn(serializers.Serializer[Any]):
    """A service account to be made."""

    name = serializers.CharField(max_length=LONGEST_NAME, help_text="Say what it does, such as “Ticket system”")
    role = serializers.CharField(max_length=32, help_text=ROLE_HELP)


class InvitationOut(serializers.ModelSerializer[Invitation]):
    """A role kept ready for an e-mail address."""

    state = serializers.ChoiceField(choices=["open", "expired"], read_only=True)
    invited_by = serializers.CharField(source="invited_by_id", allow_null=True)

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "state", "invited_by", "created_at", "sent_at", "expires_at"]
        read_only_fields = fields


class InvitationIn(serializers.Serializer[Any]):
    """Whom to invite, and as what."""

    email = serializers.EmailField(max_length=254)
    role = serializers.CharField(max_length=32, help_text=ROLE_HELP)


class JoinRequestOut(serializers.ModelSerializer[JoinRequest]):
    """Somebody with a proven address asks to belong."""

    user = serializers.CharField(source="user_id")
    ends_at = serializers.DateTimeField()

    class Meta:
        model = JoinRequest
        fields = ["id", "user", "email", "name", "created_at", "ends_at"]
        read_only_fields = fields

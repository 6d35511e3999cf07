"""Organizations as they go over the wire."""

from typing import Any

from rest_framework import serializers

from organizations.models import (
    Organization,
)
from organizations.permissions import Role


class OrganizationOut(serializers.ModelSerializer[Organization]):
    """An organization that the caller may enter, with what they may do in it."""

    break_glass = serializers.CharField(
        source="break_glass_id", allow_null=True, help_text="The person whom the platform's sign-in lets in regardless"
    )
    role = serializers.SerializerMethodField()
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = Organization
        fields = ["id", "name", "slug", "kind", "state", "sign_in_policy", "break_glass", "created_at", "role"]
        fields += ["permissions"]
        read_only_fields = fields

    def get_role(self, organization: Organization) -> str | None:
        """The caller's role, after any grant's ceiling and the key's scopes."""
        return self.context["standings"][organization.pk].role

    def get_permissions(self, organization: Organization) -> list[str]:
        """What the caller may do."""
        return sorted(self.context["standings"][organization.pk].permissions)


class ClientIn(serializers.Serializer[Any]):
    """A client organization to be founded by an MSP."""

    msp = serializers.CharField(max_length=32, help_text="Organization that will manage it")
    name = serializers.CharField(max_length=120)
    role_ceiling = serializers.ChoiceField(choices=Role.choices, default=Role.ADMIN)

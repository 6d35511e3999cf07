"""Organizations as they go over the wire."""

from typing import Any

from rest_framework import serializers

from organizations.external_ids import LONGEST
from organizations.models import Organization
from organizations.permissions import Role
from organizations.sso.settings.serializers import PolicyIn


class OrganizationOut(serializers.ModelSerializer[Organization]):
    """An organization that the caller may enter, with what they may do in it."""

    break_glass = serializers.CharField(
        source="break_glass_id", allow_null=True, help_text="The person whom the platform's sign-in lets in regardless"
    )
    role = serializers.SerializerMethodField()
    permissions = serializers.SerializerMethodField()
    external_id = serializers.SerializerMethodField()

    class Meta:
        model = Organization
        fields = [
            "id",
            "name",
            "slug",
            "kind",
            "state",
            "jurisdiction",
            "sign_in_policy",
            "break_glass",
            "created_at",
            "role",
        ]
        fields += ["permissions", "external_id"]
        read_only_fields = fields

    def get_role(self, organization: Organization) -> str | None:
        """The caller's role, after any grant's ceiling and the key's scopes."""
        return self.context["standings"][organization.pk].role

    def get_permissions(self, organization: Organization) -> list[str]:
        """What the caller may do."""
        return sorted(self.context["standings"][organization.pk].permissions)

    def get_external_id(self, organization: Organization) -> str:
        """What the MSP for which the caller is there calls it; empty for nothing."""
        return str(self.context["external_ids"].get(organization.pk, ""))


class ClientIn(serializers.Serializer[Any]):
    """A client organization to be founded by an MSP."""

    msp = serializers.CharField(max_length=32, help_text="Organization that will manage it")
    name = serializers.CharField(max_length=120)
    role_ceiling = serializers.ChoiceField(choices=Role.choices, default=Role.ADMIN)
    jurisdiction = serializers.ChoiceField(
        choices=Organization.Jurisdiction.choices,
        allow_blank=True,
        default="",
        help_text="where its tenants run and keep their data, for good; empty for anywhere",
    )
    external_id = serializers.CharField(
        max_length=LONGEST, allow_blank=True, default="", help_text="what the MSP calls it, once among its clients"
    )


class OrganizationChange(PolicyIn):
    """What can be changed of an organization; what is left out stays."""

    external_id = serializers.CharField(
        max_length=LONGEST, allow_blank=True, required=False, help_text="what your MSP calls it; empty for nothing"
    )

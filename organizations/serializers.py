"""What crosses the wire of this room's API."""

from typing import Any

from rest_framework import serializers

from organizations.keys.models import ApiKey
from organizations.models import (
    AccessRequest,
    ClientRole,
    EmergencyAccess,
    Grant,
    Invitation,
    JoinRequest,
    Membership,
    Organization,
)
from organizations.permissions import PERMISSIONS, ROLE_HELP, Role


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


class GrantOut(serializers.ModelSerializer[Grant]):
    """An MSP's access to a client."""

    class Meta:
        model = Grant
        fields = ["id", "msp", "client", "role_ceiling", "emergency_ceiling", "state", "ends_at", "review_at"]
        fields += ["created_at", "withdrawn_at"]
        read_only_fields = fields


class GrantChange(serializers.Serializer[Any]):
    """A narrower ceiling, an earlier end, or both."""

    role_ceiling = serializers.ChoiceField(choices=Role.choices, required=False)
    ends_at = serializers.DateTimeField(required=False)


class TermsIn(serializers.Serializer[Any]):
    """Up to which role, and for how many days; null stands until it is withdrawn, with a date of review."""

    role_ceiling = serializers.ChoiceField(choices=Role.choices)
    days = serializers.IntegerField(min_value=1, max_value=366, allow_null=True, default=None)


class ReviewIn(TermsIn):
    """What a client allows. `emergency_ceiling` is for emergencies: empty for none, left out to leave it."""

    emergency_ceiling = serializers.ChoiceField(choices=Role.choices, allow_blank=True, required=False)


class EmergencyIn(serializers.Serializer[Any]):
    """Why somebody breaks into a client, and under which grant."""

    grant = serializers.CharField(max_length=32)
    reason = serializers.CharField(max_length=500)


class EmergencyOut(serializers.ModelSerializer[EmergencyAccess]):
    """An emergency of one person of an MSP in a client."""

    user = serializers.CharField(source="user_id")

    class Meta:
        model = EmergencyAccess
        fields = ["id", "client", "msp", "grant", "user", "reason", "created_at", "ends_at", "ended_at"]
        read_only_fields = fields


class AccessRequestIn(TermsIn):
    """What an MSP asks for."""

    email = serializers.EmailField(max_length=254, default="", allow_blank=True, help_text="Whom to mail the code")
    reason = serializers.CharField(max_length=500, default="", allow_blank=True)


class AccessRequestOut(serializers.ModelSerializer[AccessRequest]):
    """A request of an MSP for access. `grant` is what came of it."""

    class Meta:
        model = AccessRequest
        fields = ["id", "email", "role_ceiling", "days", "reason", "state", "grant", "created_at", "expires_at"]
        fields += ["answered_at"]
        read_only_fields = fields


class NewAccessRequestOut(AccessRequestOut):
    """A request just made; `code` is shown here once and never again."""

    code = serializers.CharField()

    class Meta(AccessRequestOut.Meta):
        fields = [*AccessRequestOut.Meta.fields, "code"]
        read_only_fields = fields


class ApprovalIn(ReviewIn):
    """The code of a request, and what the organization allows."""

    code = serializers.CharField(max_length=120)


class CodeIn(serializers.Serializer[Any]):
    """The code of a request."""

    code = serializers.CharField(max_length=120)


class ClientSet(serializers.Serializer[Any]):
    """A role over a set of an MSP's clients."""

    role = serializers.CharField(max_length=32)
    reach = serializers.ChoiceField(choices=ClientRole.Reach.choices)
    clients = serializers.ListField(
        child=serializers.CharField(max_length=32), max_length=1000, default=list, help_text="Ids; none for all"
    )


class ClientSets(serializers.Serializer[Any]):
    """All sets of one member; none is their own role in every client."""

    sets = ClientSet(many=True)


class MemberOut(serializers.ModelSerializer[Membership]):
    """A member of an organization."""

    user = serializers.CharField(source="user_id")
    email = serializers.EmailField(source="user.email")
    email_verified = serializers.BooleanField(source="user.email_verified")
    name = serializers.CharField(source="user.name")

    class Meta:
        model = Membership
        fields = ["id", "user", "email", "email_verified", "name", "role", "created_at"]
        read_only_fields = fields


class RoleIn(serializers.Serializer[Any]):
    """A member's new role."""

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


class KeyOut(serializers.ModelSerializer[ApiKey]):
    """An API key without its secret."""

    owner = serializers.CharField(source="owner_id")
    state = serializers.ChoiceField(choices=["active", "expired", "revoked"], read_only=True)
    made_with = serializers.CharField(source="made_with_id", allow_null=True, help_text="The key that made this one")
    last_used_address = serializers.CharField(allow_null=True)

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "owner",
            "scopes",
            "tenant_ids",
            "networks",
            "state",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_address",
            "revoked_at",
            "made_with",
        ]
        read_only_fields = fields


class RevokedKeyOut(KeyOut):
    """A key that has ended; `ended_with_it` are the keys that it made, and what those made."""

    ended_with_it = serializers.ListField(child=serializers.CharField())

    class Meta(KeyOut.Meta):
        fields = [*KeyOut.Meta.fields, "ended_with_it"]
        read_only_fields = fields


class NewKeyOut(KeyOut):
    """A key that was just made; `secret` is shown here once and never again."""

    secret = serializers.CharField()

    class Meta(KeyOut.Meta):
        fields = [*KeyOut.Meta.fields, "secret"]
        read_only_fields = fields


class KeyIn(serializers.Serializer[Any]):
    """A key to be made."""

    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(PERMISSIONS)), min_length=1, max_length=len(PERMISSIONS)
    )
    expires_in_days = serializers.IntegerField(min_value=1, max_value=366, default=90)
    tenant_ids = serializers.ListField(child=serializers.CharField(max_length=26), max_length=100, default=list)
    networks = serializers.ListField(child=serializers.CharField(max_length=43), max_length=50, default=list)

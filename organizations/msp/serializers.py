"""Grants, requests for access, emergencies and sets of clients as they go over the wire."""

from typing import Any

from rest_framework import serializers

from organizations.actions.grants import LONGEST_DAYS
from organizations.models import (
    AccessRequest,
    ClientRole,
    EmergencyAccess,
    Grant,
)
from organizations.models.access_request import LONGEST_REASON
from organizations.permissions import Role


class GrantOut(serializers.ModelSerializer[Grant]):
    """An MSP's access to a client. `emergency_ceiling` is empty where it allows none."""

    emergency_ceiling = serializers.ChoiceField(choices=Role.choices, allow_blank=True, read_only=True)

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
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, allow_null=True, default=None)


class ReviewIn(TermsIn):
    """What a client allows. `emergency_ceiling` is for emergencies: empty for none, left out to leave it."""

    emergency_ceiling = serializers.ChoiceField(choices=Role.choices, allow_blank=True, required=False)


class EmergencyIn(serializers.Serializer[Any]):
    """Why somebody breaks into a client, and under which grant."""

    grant = serializers.CharField(max_length=32)
    reason = serializers.CharField(max_length=LONGEST_REASON)


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
    reason = serializers.CharField(max_length=LONGEST_REASON, default="", allow_blank=True)


class AccessRequestOut(serializers.ModelSerializer[AccessRequest]):
    """A request of an MSP for access. `grant` is what came of it."""

    state = serializers.ChoiceField(
        source="status", choices=[*AccessRequest.State.choices, ("expired", "Expired")], read_only=True
    )

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

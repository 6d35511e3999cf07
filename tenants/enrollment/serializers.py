"""What crosses the wire of the API about enrollment."""

from typing import Any

from rest_framework import serializers

from tenants.enrollment import limits
from tenants.enrollment.models import Agent, Refusal


class AgentOut(serializers.ModelSerializer[Agent]):
    """An agent, by the last reading of the edge. `id` is what Wazuh calls it."""

    id = serializers.CharField(source="number")
    tenant = serializers.CharField(source="tenant_id")
    organization = serializers.CharField(source="organization_id")
    state = serializers.ChoiceField(choices=list(Agent.STATES), read_only=True)
    as_of = serializers.DateTimeField(
        source="tenant.agent_reading.read_at",
        allow_null=True,
        read_only=True,
        help_text="when the tenant's manager last told which of its agents are connected; null before the first time",
    )
    partial_reading = serializers.BooleanField(
        source="tenant.agent_reading.partial",
        allow_null=True,
        read_only=True,
        help_text="whether the manager did not answer when it was last asked, so that this is as of `as_of`",
    )
    token = serializers.CharField(source="token_id", allow_null=True)
    pending = serializers.BooleanField(read_only=True, help_text="whether a quarantine is yet to be confirmed")

    class Meta:
        model = Agent
        fields = [
            "id",
            "tenant",
            "organization",
            "name",
            "state",
            "status",
            "version",
            "address",
            "groups",
            "token",
            "enrolled_at",
            "last_seen_at",
            "silent_at",
            "quarantine_asked_at",
            "quarantined_at",
            "quarantine_reason",
            "pending",
            "as_of",
            "partial_reading",
        ]
        read_only_fields = fields


class QuarantineIn(serializers.Serializer[Any]):
    """Why an agent, or all of a token, are cut off."""

    reason = serializers.CharField(max_length=limits.LONGEST_REASON)


class RefusalOut(serializers.ModelSerializer[Refusal]):
    """Enrollments that were refused within one hour for the same reason, from the same address."""

    token = serializers.CharField(source="token_id_used")

    class Meta:
        model = Refusal
        fields = ["id", "token", "reason", "agent_name", "address", "count", "created_at", "last_at"]
        read_only_fields = fields

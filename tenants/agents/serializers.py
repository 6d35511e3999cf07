"""What crosses the wire of the API about orders."""

from typing import Any

from rest_framework import serializers

from tenants.agents.actions import MOST_AGENTS
from tenants.agents.models import AgentOrder, AgentResult
from tenants.enrollment import limits
from tenants.provisioning.serializers import ReasonField


class AgentResultOut(serializers.ModelSerializer[AgentResult]):
    """What became of an order for one agent."""

    agent = serializers.CharField(source="number")

    class Meta:
        model = AgentResult
        fields = ["agent", "name", "state", "note", "changed_at"]
        read_only_fields = fields


class AgentOrderOut(serializers.ModelSerializer[AgentOrder]):
    """An order about agents of one tenant."""

    tenant = serializers.CharField(source="tenant_id")
    groups = serializers.ListField(source="arguments.groups", child=serializers.CharField(), required=False)
    version = serializers.CharField(source="arguments.version", allow_null=True, required=False)
    pending = serializers.BooleanField(read_only=True, help_text="whether the edge has yet to confirm that it has it")
    edge_error = ReasonField(read_only=True)
    results = AgentResultOut(many=True, read_only=True)

    class Meta:
        model = AgentOrder
        fields = ["id", "tenant", "kind", "groups", "version", "pending", "edge_error", "created_at", "results"]
        read_only_fields = fields


class AgentOrderIn(serializers.Serializer[Any]):
    """An order to be given: `groups` with kind groups, `version` with kind upgrade."""

    kind = serializers.ChoiceField(choices=AgentOrder.Kind.choices)
    agents = serializers.ListField(
        child=serializers.CharField(max_length=16), min_length=1, max_length=MOST_AGENTS, help_text="their ids"
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=128), default=list, max_length=limits.MOST_GROUPS
    )
    version = serializers.CharField(
        max_length=16, default="", allow_blank=True, help_text="such as v4.14.7; empty for the manager's own"
    )

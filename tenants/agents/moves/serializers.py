"""What crosses the wire of the API about moves."""

from typing import Any

from rest_framework import serializers

from tenants.agents.actions import MOST_AGENTS
from tenants.agents.models import AgentMove, MovingAgent
from tenants.agents.moves.actions import DEFAULT_DAYS, DEFAULT_GRACE_HOURS, LONGEST_DAYS, LONGEST_GRACE_HOURS


class MovingAgentOut(serializers.ModelSerializer[MovingAgent]):
    """How far one agent is."""

    agent = serializers.CharField(source="number")
    target_agent = serializers.CharField(source="target_number", help_text="what the target's manager calls it")
    removal = serializers.CharField(
        source="order_id", allow_null=True, help_text="the order that removed its old identity"
    )

    class Meta:
        model = MovingAgent
        fields = ["agent", "name", "state", "target_agent", "arrived_at", "moved_at", "removal"]
        read_only_fields = fields


class MoveOut(serializers.ModelSerializer[AgentMove]):
    """A move of agents to another tenant. Its token's secret is never shown again."""

    tenant = serializers.CharField(source="tenant_id")
    target = serializers.CharField(source="target_tenant_id")
    token = serializers.CharField(source="token_id", help_text="of the target")
    agents = MovingAgentOut(many=True, read_only=True)

    class Meta:
        model = AgentMove
        fields = [
            "id",
            "tenant",
            "target",
            "token",
            "grace_hours",
            "expires_at",
            "created_at",
            "cancelled_at",
            "closed_at",
            "agents",
        ]
        read_only_fields = fields


class NewMoveOut(MoveOut):
    """A move just begun, with its token's secret: the only time that it is shown."""

    secret = serializers.SerializerMethodField(help_text="the token's text, `enr_…`; keep it now")

    class Meta(MoveOut.Meta):
        fields = [*MoveOut.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, move: AgentMove) -> str:
        """Handed over by the view; no row holds it."""
        return str(self.context.get("secret", ""))


class MoveIn(serializers.Serializer[Any]):
    """A move to be begun: of `agents`, or of all that joined with `token`."""

    target = serializers.CharField(max_length=26, help_text="id of the tenant that they are to join")
    agents = serializers.ListField(child=serializers.CharField(max_length=16), default=list, max_length=MOST_AGENTS)
    token = serializers.CharField(max_length=10, default="", allow_blank=True)
    grace_hours = serializers.IntegerField(default=DEFAULT_GRACE_HOURS, min_value=0, max_value=LONGEST_GRACE_HOURS)
    expires_in_days = serializers.IntegerField(default=DEFAULT_DAYS, min_value=1, max_value=LONGEST_DAYS)

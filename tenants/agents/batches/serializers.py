"""What crosses the wire of the API about orders over several tenants."""

from typing import Any

from rest_framework import serializers

from tenants.agents.actions import MOST_AGENTS
from tenants.agents.batches.actions import MOST_TENANTS, Part
from tenants.agents.models import AgentBatch, AgentOrder
from tenants.agents.serializers import AgentOrderOut
from tenants.enrollment import limits


class ChosenIn(serializers.Serializer[Any]):
    """Agents of one tenant."""

    tenant = serializers.CharField(max_length=26)
    agents = serializers.ListField(
        child=serializers.CharField(max_length=16), min_length=1, max_length=MOST_AGENTS, help_text="their ids"
    )


class AgentBatchIn(serializers.Serializer[Any]):
    """The same for agents of several tenants: `groups` with kind groups, `version` with kind upgrade."""

    kind = serializers.ChoiceField(choices=AgentOrder.Kind.choices)
    selection = serializers.ListField(
        child=ChosenIn(), min_length=1, max_length=MOST_TENANTS, help_text="each tenant once"
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=128), default=list, max_length=limits.MOST_GROUPS
    )
    version = serializers.CharField(
        max_length=16, default="", allow_blank=True, help_text="such as v4.14.7; empty for each manager's own"
    )

    def validate_selection(self, chosen: list[dict[str, Any]]) -> dict[str, list[str]]:
        """By tenant, each named once."""
        selection = {each["tenant"]: each["agents"] for each in chosen}
        if len(selection) < len(chosen):
            raise serializers.ValidationError("Name each tenant once.")
        return selection


class RefusedOut(serializers.Serializer[Any]):
    """A tenant that took no part."""

    tenant = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    agents = serializers.ListField(child=serializers.CharField())
    code = serializers.CharField()
    message = serializers.CharField()


class AgentBatchOut(serializers.ModelSerializer[AgentBatch]):
    """An order over several tenants."""

    groups = serializers.ListField(source="arguments.groups", child=serializers.CharField())
    version = serializers.CharField(source="arguments.version", allow_blank=True)

    class Meta:
        model = AgentBatch
        fields = ["id", "kind", "groups", "version", "created_by", "created_at"]
        read_only_fields = fields


class WholeBatchOut(AgentBatchOut):
    """The same with each tenant's own order, as far as its agents are seen, and who refused."""

    orders = serializers.SerializerMethodField()
    refused = serializers.SerializerMethodField()

    class Meta(AgentBatchOut.Meta):
        fields = [*AgentBatchOut.Meta.fields, "orders", "refused"]
        read_only_fields = fields

    def get_orders(self, batch: AgentBatch) -> list[dict[str, Any]]:
        """Read by the view, which knows who asks."""
        return list(AgentOrderOut(self.context["orders"], many=True).data)

    def get_refused(self, batch: AgentBatch) -> list[dict[str, Any]]:
        """Likewise."""
        return list(RefusedOut(self.context["refused"], many=True).data)


class PartOut(serializers.Serializer[Part]):
    """What would become of one tenant's part."""

    tenant = serializers.CharField(source="tenant_id")
    name = serializers.CharField(source="tenant_name", allow_blank=True)
    agents = serializers.ListField(child=serializers.CharField())
    takes = serializers.SerializerMethodField()
    code = serializers.CharField(source="problem.code", default="", help_text="of why it does not take it")
    message = serializers.CharField(source="problem.detail", default="")

    def get_takes(self, part: Part) -> bool:
        """Whether the tenant takes it."""
        return part.order is not None


class AgentBatchPreview(serializers.Serializer[Any]):
    """What would become of each tenant's part."""

    parts = PartOut(many=True)

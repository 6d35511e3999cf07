"""What crosses the wire of the API about operations: one under way, one that was asked for, and what one would do."""

from typing import Any

from rest_framework import serializers

from tenants.provisioning.models import Operation, Step
from tenants.provisioning.previews import Price
from tenants.provisioning.serializers import ReasonField, TenantOut


class StepOut(serializers.ModelSerializer[Step]):
    """One step of an operation."""

    error = ReasonField(read_only=True)

    class Meta:
        model = Step
        fields = ["name", "state", "attempts", "started_at", "finished_at", "error"]
        read_only_fields = fields


class OperationOut(serializers.ModelSerializer[Operation]):
    """An operation with its steps."""

    tenant = serializers.CharField(source="tenant_id")
    organization = serializers.CharField(source="organization_id")
    arguments = serializers.DictField(
        read_only=True, help_text="what was asked for where the kind alone does not say it, such as which `backup`"
    )
    error = ReasonField(read_only=True)
    steps = StepOut(many=True, read_only=True)

    class Meta:
        model = Operation
        fields = [
            "id",
            "tenant",
            "organization",
            "kind",
            "arguments",
            "state",
            "source",
            "base_generation",
            "target_generation",
            "requested_by",
            "error",
            "steps",
            "created_at",
            "started_at",
            "finished_at",
            "scheduled_for",
            "window_ends_at",
        ]
        read_only_fields = fields


class Accepted(serializers.Serializer[Any]):
    """What a request set going: the tenant as it is now, and the operation to follow."""

    tenant = TenantOut()
    operation = OperationOut()


class PreviewStepOut(serializers.Serializer[Any]):
    """One step of what would happen."""

    name = serializers.CharField()
    title = serializers.CharField()
    note = serializers.CharField(allow_blank=True)


class PriceOut(serializers.Serializer[Any]):
    """What is to be paid for a month of running, before CPU, now and then."""

    currency = serializers.SerializerMethodField()
    tenant_before_cents = serializers.IntegerField(source="tenant_before")
    tenant_after_cents = serializers.IntegerField(source="tenant_after")
    organization_before_cents = serializers.IntegerField(source="organization_before")
    organization_after_cents = serializers.IntegerField(source="organization_after")

    def get_currency(self, price: Price) -> str:
        """That of the price list."""
        return "USD"


class PreviewOut(serializers.Serializer[Any]):
    """What a request would do. Nothing was done."""

    kind = serializers.CharField(help_text="of the operation that would begin")
    title = serializers.CharField()
    arguments = serializers.DictField()
    steps = PreviewStepOut(many=True)
    restarts = serializers.ListField(
        child=serializers.CharField(), source="effect.restarts", help_text="roles whose nodes start anew"
    )
    begins_at = serializers.DateTimeField(allow_null=True, help_text="of the maintenance window; null for at once")
    meanwhile = serializers.CharField(source="effect.meanwhile", help_text="what people notice")
    point_of_no_return = serializers.CharField(source="effect.no_return")
    price_a_month = PriceOut(source="price")

"""What crosses the wire of the API about usage."""

from typing import Any

from rest_framework import serializers

from tenants.metering.models import UsageHour


class UsedOut(serializers.Serializer[Any]):
    """How much of one thing, in one hour or day."""

    at = serializers.DateTimeField(help_text="when the hour or day begins, UTC")
    kind = serializers.ChoiceField(choices=UsageHour.Kind.choices)
    role = serializers.CharField(help_text="empty where the kind is not about nodes")
    size = serializers.CharField(help_text="instance size of the nodes, or empty")
    quantity = serializers.FloatField(
        source="amount", help_text="a sum; of agents and disks the highest number at one time"
    )


class UsageOut(serializers.Serializer[Any]):
    """What a tenant used in a time."""

    to = serializers.DateTimeField()
    by = serializers.ChoiceField(choices=["day", "hour"])
    usage = UsedOut(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` can't be written as an attribute."""
        return {"from": serializers.DateTimeField(), **super().get_fields()}

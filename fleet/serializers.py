"""What crosses the wire of an MSP's API."""

from typing import Any

from rest_framework import serializers

from organizations.models import Offboarding


class DepartureItem(serializers.Serializer[Any]):
    """One thing that ends, or stays."""

    kind = serializers.CharField()
    name = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)


class DeparturePlan(serializers.Serializer[Any]):
    """What an offboarding would close, and what it can't, with why."""

    closes = DepartureItem(many=True)
    keeps = DepartureItem(many=True)


class DepartureEdge(serializers.Serializer[Any]):
    """What the edge has been asked and has confirmed."""

    asked = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    closed = serializers.IntegerField(help_text="Dashboards and event streams that were open")
    is_done = serializers.BooleanField()


class OffboardingOut(serializers.ModelSerializer[Offboarding]):
    """The receipt of somebody's departure."""

    user = serializers.CharField(source="user_id")
    by = serializers.CharField(source="by_user_id")
    closed = DepartureItem(many=True)
    kept = DepartureItem(many=True)

    class Meta:
        model = Offboarding
        fields = ["id", "user", "name", "email", "by", "sessions", "closed", "kept", "created_at"]
        read_only_fields = fields


class ReceiptOut(OffboardingOut):
    """A receipt with what the edge has confirmed by now."""

    edge = DepartureEdge()

    class Meta(OffboardingOut.Meta):
        fields = [*OffboardingOut.Meta.fields, "edge"]
        read_only_fields = fields

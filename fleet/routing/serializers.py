"""What crosses the wire of the API about routing."""

from typing import Any

from rest_framework import serializers

from fleet.alerts.models import Alert
from fleet.alerts.severity import Severity
from fleet.routing.actions import LONGEST_NAME
from fleet.routing.models import Destination, Notice, Route


class DestinationIn(serializers.Serializer[Any]):
    """A destination to be made. Which settings and whether a secret are needed, the kind says (docs/alerts.md)."""

    kind = serializers.ChoiceField(choices=Destination.Kind.choices)
    name = serializers.CharField(max_length=LONGEST_NAME)
    settings = serializers.DictField(child=serializers.CharField(max_length=500), default=dict)
    secret = serializers.CharField(
        max_length=1000, default="", allow_blank=True, help_text="kept encrypted, and never shown again"
    )


class DestinationOut(serializers.ModelSerializer[Destination]):
    """A destination, without its secret."""

    settings = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Destination
        fields = ["id", "kind", "name", "settings", "created_by", "created_at"]
        read_only_fields = fields


class RouteIn(serializers.Serializer[Any]):
    """Which alerts are told to which destination; of kinds and clients, none named is all."""

    destination = serializers.CharField(max_length=32)
    severity = serializers.ChoiceField(choices=Severity.choices, help_text="at least so grave")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=Alert.Kind.choices), default=list, max_length=20
    )
    clients = serializers.ListField(
        child=serializers.CharField(max_length=32), default=list, max_length=500, help_text="ids of organizations"
    )


class RouteOut(serializers.ModelSerializer[Route]):
    """A route."""

    destination = serializers.CharField(source="destination_id")
    kinds = serializers.ListField(child=serializers.CharField())
    clients = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Route
        fields = ["id", "destination", "severity", "kinds", "clients", "created_by", "created_at"]
        read_only_fields = fields


class NoticeOut(serializers.ModelSerializer[Notice]):
    """One message to one destination, and what became of it."""

    destination = serializers.CharField(source="destination_id")
    alert = serializers.CharField(source="alert_id", help_text="empty for a test; for many at once, the gravest")
    title = serializers.CharField(source="content.title")

    class Meta:
        model = Notice
        fields = [
            *("id", "destination", "alert", "what", "title", "state", "attempts", "next_attempt_at"),
            *("last_error", "created_at", "sent_at"),
        ]
        read_only_fields = fields

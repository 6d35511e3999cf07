"""API keys as they go over the wire."""

from typing import Any

from rest_framework import serializers

from organizations.actions.keys import LONGEST_OVERLAP
from organizations.keys.models import LONGEST_DAYS, ApiKey
from organizations.permissions import PERMISSIONS

MOST_OVERLAP_HOURS = LONGEST_OVERLAP.days * 24


class KeyOut(serializers.ModelSerializer[ApiKey]):
    """An API key without its secret."""

    owner = serializers.CharField(source="owner_id")
    state = serializers.ChoiceField(choices=["active", "expired", "revoked"], read_only=True)
    owner_is_service = serializers.BooleanField(
        source="owner.is_service", help_text="Whether a service account owns it"
    )
    replaces = serializers.CharField(source="replaces_id", allow_null=True, help_text="The key that this one came for")
    made_with = serializers.CharField(source="made_with_id", allow_null=True, help_text="The key that made this one")
    last_used_address = serializers.CharField(allow_null=True)

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "owner",
            "owner_is_service",
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
            "replaces",
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
    expires_in_days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=90)
    tenant_ids = serializers.ListField(child=serializers.CharField(max_length=26), max_length=100, default=list)
    networks = serializers.ListField(child=serializers.CharField(max_length=43), max_length=50, default=list)
    service_account = serializers.CharField(
        max_length=32, required=False, help_text="User id of the service account that owns it; left out, you do"
    )


class KeyRotation(serializers.Serializer[Any]):
    """How long the key works beside its successor, and how long that works."""

    overlap_hours = serializers.IntegerField(min_value=0, max_value=MOST_OVERLAP_HOURS, default=24)
    expires_in_days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=90)

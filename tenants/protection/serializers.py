"""What crosses the wire of the API about protection and deletion."""

from typing import Any

from rest_framework import serializers

from organizations.external_ids import LONGEST
from tenants.provisioning import specs


class TenantChange(serializers.Serializer[Any]):
    """What can be changed of a tenant; what is left out stays."""

    protected = serializers.BooleanField(required=False, help_text="whether the tenant is safe from deletion")
    sleep_after_minutes = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=specs.LEAST_SLEEP,
        max_value=specs.MOST_SLEEP,
        help_text="without use for so long, the tenant sleeps; null for never",
    )

    external_id = serializers.CharField(
        required=False, max_length=LONGEST, allow_blank=True, help_text="what you call it; empty for nothing"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Something has to be changed."""
        if not attrs:
            raise serializers.ValidationError({"protected": "Name something to change."})
        return attrs


class Confirmation(serializers.Serializer[Any]):
    """The typed name of what is to be deleted."""

    confirm_name = serializers.CharField(max_length=specs.LONGEST_NAME)

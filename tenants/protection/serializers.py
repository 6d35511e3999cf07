"""What crosses the wire of the API about protection, backups and deletion."""

from typing import Any

from rest_framework import serializers

from organizations.external_ids import LONGEST
from tenants.protection.backups.models import Backup
from tenants.provisioning import specs, windows
from tenants.provisioning.models import Tenant
from tenants.provisioning.serializers import BackupScheduleIn, ReasonField, WhenIn, WishesIn


class WindowIn(serializers.Serializer[Any]):
    """When a tenant's nodes may restart."""

    days = serializers.ListField(child=serializers.ChoiceField(choices=windows.DAYS), allow_empty=False, max_length=7)
    start = serializers.CharField(max_length=5, help_text="a time of the day, such as 02:00")
    minutes = serializers.IntegerField(min_value=windows.LEAST_MINUTES, max_value=windows.MOST_MINUTES)
    time_zone = serializers.CharField(max_length=64, help_text="of IANA's list, such as Europe/Berlin")


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

    maintenance_window = WindowIn(required=False, allow_null=True, help_text="null for none")
    backups = BackupScheduleIn(required=False, allow_null=True, help_text="null for one a day")
    ring = serializers.ChoiceField(
        required=False, choices=Tenant.Ring.choices, help_text="how early a roll-out reaches it"
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


class BackupPartOut(serializers.Serializer[Any]):
    """One node's archive in a backup."""

    role = serializers.CharField()
    bytes = serializers.IntegerField()
    version = serializers.CharField(allow_null=True, help_text="of Wazuh, of the node that wrote it")


class BackupOut(serializers.ModelSerializer[Backup]):
    """A backup, as the edge last told it."""

    tenant = serializers.CharField(source="tenant_id")
    pending = serializers.BooleanField(read_only=True, help_text="whether the edge has yet to take the order")
    size_bytes = serializers.IntegerField(read_only=True)
    parts = BackupPartOut(many=True, read_only=True)
    error = ReasonField(read_only=True)

    class Meta:
        model = Backup
        fields = [
            "id",
            "tenant",
            "kind",
            "state",
            "pending",
            "size_bytes",
            "parts",
            "error",
            "requested_by",
            "created_at",
            "expires_at",
        ]
        read_only_fields = fields


class RestoreIn(Confirmation, WhenIn):
    """Which backup takes the place of what is there, and the tenant's typed name."""

    backup = serializers.CharField(max_length=32)


class CloneIn(WishesIn):
    """A tenant to be made of a backup. What is left out is as its source has it; its sizes are those of the plan."""

    backup = serializers.CharField(max_length=32)

"""What crosses the wire of the API about exports."""

from typing import Any

from rest_framework import serializers

from tenants.protection.exports.models import Export
from tenants.provisioning.models import Operation
from tenants.provisioning.serializers import ReasonField


class LeftOutOut(serializers.Serializer[Any]):
    """What an export does not hold."""

    what = serializers.CharField()
    why = serializers.CharField()


class ExportOut(serializers.ModelSerializer[Export]):
    """An export of a tenant. Its operation shows each step."""

    tenant = serializers.CharField(source="tenant_id")
    operation = serializers.CharField(source="operation_id", help_text="where its steps are shown")
    state = serializers.ChoiceField(choices=Operation.State.choices, read_only=True)
    can_be_downloaded = serializers.BooleanField(read_only=True, help_text="whether it is made and has not expired")
    left_out = LeftOutOut(many=True, read_only=True)
    error = ReasonField(source="operation.error", read_only=True)
    requested_by = serializers.CharField(source="operation.requested_by", read_only=True)

    class Meta:
        model = Export
        fields = [
            "id",
            "tenant",
            "operation",
            "state",
            "can_be_downloaded",
            "files",
            "records",
            "bytes",
            "left_out",
            "error",
            "requested_by",
            "created_at",
            "expires_at",
        ]
        read_only_fields = fields

"""What crosses the wire of the API about receipts."""

from rest_framework import serializers

from tenants.protection.receipts.models import Receipt
from tenants.provisioning.serializers import ReasonField


class SignedReceiptOut(serializers.ModelSerializer[Receipt]):
    """A statement that the edge signed, or is asked to sign."""

    tenant = serializers.CharField(source="tenant_id")
    pending = serializers.BooleanField(read_only=True, help_text="whether the edge has yet to sign")
    receipt = serializers.CharField(read_only=True, help_text="a compact JWS; empty while it is pending")
    statement = serializers.DictField(read_only=True, allow_null=True, help_text="what the receipt says")
    key = serializers.DictField(read_only=True, allow_null=True, help_text="the public key (JWK) that signed it")
    error = ReasonField(read_only=True)

    class Meta:
        model = Receipt
        fields = ["id", "tenant", "kind", "pending", "receipt", "statement", "key", "error", "created_at", "signed_at"]
        read_only_fields = fields

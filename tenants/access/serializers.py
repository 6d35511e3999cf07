"""What crosses the wire of the API about access."""

from typing import Any

from rest_framework import serializers

from tenants.access.actions import LONGEST_PATH
from tenants.access.models import Revocation
from tenants.provisioning.dashboard_roles import VARIANTS


class DashboardIn(serializers.Serializer[Any]):
    """How the dashboard opens. Without it, with all that your role may do there; a viewer's is always read-only."""

    variant = serializers.ChoiceField(choices=VARIANTS, required=False)
    path = serializers.CharField(
        max_length=LONGEST_PATH, required=False, help_text="where in the dashboard it opens, beginning with /app/"
    )


class DashboardCodeOut(serializers.Serializer[Any]):
    """Post `code` as a form field to `post_to`, from a page of the portal, before it ends."""

    code = serializers.CharField()
    post_to = serializers.URLField()
    expires_at = serializers.DateTimeField()
    variant = serializers.ChoiceField(choices=VARIANTS)


class StreamTokenOut(serializers.Serializer[Any]):
    """Send `token` as a bearer, or as the WebSocket subprotocol `bearer.<token>`, to `url`."""

    token = serializers.CharField()
    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class RotationTokenOut(serializers.Serializer[Any]):
    """Send `token` as a bearer with a POST of `{"idempotency_key": "…"}` to `url`."""

    token = serializers.CharField()
    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class RevocationOut(serializers.ModelSerializer[Revocation]):
    """Access that was ended, and whether the edge has confirmed it."""

    pending = serializers.BooleanField(read_only=True)

    class Meta:
        model = Revocation
        fields = ["id", "terms", "before", "pending", "closed", "created_at", "acknowledged_at"]
        read_only_fields = fields

"""What crosses the wire of the API about enrollment tokens."""

import datetime as dt
from typing import Any

from rest_framework import serializers

from tenants.enrollment import limits
from tenants.enrollment.models import EnrollmentToken, TokenUse
from tenants.enrollment.tokens import native
from tenants.provisioning.serializers import ReasonField


class TokenOut(serializers.ModelSerializer[EnrollmentToken]):
    """An enrollment token. Its secret is never shown again."""

    tenant = serializers.CharField(source="tenant_id")
    state = serializers.ChoiceField(choices=["active", "expired", "used_up", "revoked"], read_only=True)
    pending = serializers.BooleanField(read_only=True, help_text="whether the edge has yet to confirm it")
    remaining = serializers.IntegerField(read_only=True)
    ends_at = serializers.DateTimeField(
        read_only=True, help_text="from when on it lets nobody in: its expiry, or the end of a rotation's overlap"
    )
    replaces = serializers.CharField(
        source="replaces_id", allow_null=True, help_text="the token it was made in place of"
    )
    replaced_by = serializers.SerializerMethodField(help_text="the token that was made in its place")
    edge_error = ReasonField(read_only=True)

    class Meta:
        model = EnrollmentToken
        fields = [
            "id",
            "tenant",
            "name",
            "state",
            "pending",
            "edge_error",
            "groups",
            "labels",
            "site",
            "names",
            "max_uses",
            "uses",
            "remaining",
            "expires_at",
            "ends_at",
            "replaces",
            "replaced_by",
            "last_used_at",
            "last_used_by",
            "last_used_from",
            "created_by",
            "created_at",
            "revoked_at",
        ]
        read_only_fields = fields

    def get_replaced_by(self, token: EnrollmentToken) -> str | None:
        """Its id; null for a token that was not rotated."""
        return getattr(getattr(token, "replaced_by", None), "pk", None)


class NewTokenOut(TokenOut):
    """A token just made, with its secret: the only time that it is shown."""

    secret = serializers.SerializerMethodField(help_text="the token's text, `enr_…`; keep it now")
    wazuh5_token = serializers.SerializerMethodField(
        help_text="the same for an unchanged agent of Wazuh 5, its `WAZUH_ENROLLMENT_TOKEN`; empty where there is none"
    )

    class Meta(TokenOut.Meta):
        fields = [*TokenOut.Meta.fields, "secret", "wazuh5_token"]
        read_only_fields = fields

    def get_secret(self, token: EnrollmentToken) -> str:
        """Handed over by the view; no row holds it."""
        return str(self.context.get("secret", ""))

    def get_wazuh5_token(self, token: EnrollmentToken) -> str:
        """Wrapped around the secret; see `native`."""
        secret = self.get_secret(token)
        return native.wrapped(token, secret) if secret else ""


class TokenIn(serializers.Serializer[Any]):
    """An enrollment token to be made."""

    name = serializers.CharField(max_length=limits.LONGEST_NAME)
    expires_in_days = serializers.IntegerField(
        default=limits.DEFAULT_LIFE.days, min_value=1, max_value=limits.LONGEST_LIFE.days
    )
    max_uses = serializers.IntegerField(default=limits.DEFAULT_USES, min_value=1, max_value=limits.MOST_USES)
    groups = serializers.ListField(
        child=serializers.CharField(max_length=128), default=list, max_length=limits.MOST_GROUPS
    )
    labels = serializers.DictField(child=serializers.CharField(max_length=limits.LONGEST_LABEL), default=dict)
    site = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=limits.LONGEST_LABEL,
        help_text="where its agents are: their label `site`",
    )


class TokenNameIn(serializers.Serializer[Any]):
    """What a token is to be called."""

    name = serializers.CharField(max_length=limits.LONGEST_NAME)


class RotationIn(serializers.Serializer[Any]):
    """How long a token that is rotated goes on beside the new one."""

    overlap_hours = serializers.IntegerField(
        default=limits.DEFAULT_OVERLAP // dt.timedelta(hours=1),
        min_value=0,
        max_value=limits.LONGEST_OVERLAP // dt.timedelta(hours=1),
    )


class UseOut(serializers.ModelSerializer[TokenUse]):
    """That an agent joined with a token. It stays when the agent goes."""

    agent = serializers.CharField(source="agent_number", help_text="what Wazuh calls its id")
    name = serializers.CharField(source="agent_name")

    class Meta:
        model = TokenUse
        fields = ["id", "agent", "name", "address", "used_at", "created_at"]
        read_only_fields = fields

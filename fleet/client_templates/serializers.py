"""What crosses the wire of the API about templates."""

from typing import Any

from rest_framework import serializers

from fleet.client_templates.actions import LONGEST_NAME, LONGEST_NOTE
from fleet.client_templates.checks import MOST_LEFT_OUT
from fleet.client_templates.merging import OF_CLIENT
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion
from fleet.client_templates.settings import SETTINGS
from organizations.permissions import Role
from tenants.enrollment import limits
from tenants.protection.serializers import WindowIn
from tenants.provisioning import specs
from tenants.provisioning.models import Tenant
from tenants.provisioning.serializers import BackupScheduleIn

OPEN: dict[str, Any] = {"required": False, "allow_null": True}
"""What is left out says nothing, null leaves open what comes from above."""


class FirstTokenIn(serializers.Serializer[Any]):
    """How a new client's first enrollment token is made; what is left out is as of any token."""

    expires_in_days = serializers.IntegerField(required=False, min_value=1, max_value=limits.LONGEST_LIFE.days)
    max_uses = serializers.IntegerField(required=False, min_value=1, max_value=limits.MOST_USES)
    groups = serializers.ListField(
        child=serializers.CharField(max_length=128), required=False, max_length=limits.MOST_GROUPS
    )
    labels = serializers.DictField(child=serializers.CharField(max_length=limits.LONGEST_LABEL), required=False)


class TemplateSettings(serializers.Serializer[Any]):
    """What is asked for. Left out: nothing is said of it; null: it is left open, whatever comes from above."""

    ring = serializers.ChoiceField(choices=Tenant.Ring.choices, **OPEN)
    maintenance_window = WindowIn(**OPEN)
    protected = serializers.BooleanField(help_text="true alone: a template never lifts protection", **OPEN)
    sleep_after_minutes = serializers.IntegerField(
        min_value=0, max_value=specs.MOST_SLEEP, help_text=f"0 for never, else at least {specs.LEAST_SLEEP}", **OPEN
    )
    backups = BackupScheduleIn(**OPEN)
    version = serializers.CharField(max_length=32, help_text="of Wazuh, one that is on offer", **OPEN)
    plan = serializers.CharField(max_length=32, help_text="code of a plan on offer", **OPEN)
    content_left_out = serializers.ListField(
        child=serializers.CharField(max_length=160),
        max_length=MOST_LEFT_OUT,
        help_text="files that the MSP hands down, as kind/name, that tenants do without",
        **OPEN,
    )
    retention_days = serializers.IntegerField(
        min_value=1, max_value=specs.MOST_RETENTION_DAYS, help_text="of a tenant that is made", **OPEN
    )
    archive_days = serializers.IntegerField(
        min_value=1, max_value=specs.MOST_RETENTION_DAYS, help_text="of a tenant that is made", **OPEN
    )
    role_ceiling = serializers.ChoiceField(
        choices=Role.choices, help_text="what the access of the MSP's people is cut down to", **OPEN
    )
    enrollment_token = FirstTokenIn(help_text="of a client that is made", **OPEN)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Without what nothing is said of, which is not the same as null."""
        return {key: value for key, value in super().to_representation(instance).items() if key in instance}


class TemplateIn(serializers.Serializer[Any]):
    """A template to be kept."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    inherits_from = serializers.CharField(
        source="parent", max_length=32, allow_null=True, default=None, help_text="id of the template above"
    )
    settings = TemplateSettings()
    note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE, help_text="why, in a line")


class TemplateChange(TemplateIn):
    """A template as it is to be from now on, whole."""

    based_on = serializers.IntegerField(
        required=False, min_value=1, help_text="the version it was made from; refused where another is the newest"
    )


class TemplateOut(serializers.ModelSerializer[ClientTemplate]):
    """A template as it is now."""

    organization = serializers.CharField(source="organization_id")
    inherits_from = serializers.CharField(source="parent_id", allow_null=True)
    version = serializers.IntegerField(source="number")
    settings = TemplateSettings()

    class Meta:
        model = ClientTemplate
        fields = ["id", "organization", "name", "inherits_from", "settings", "version", "created_at", "changed_at"]
        read_only_fields = fields


class TemplateVersionOut(serializers.ModelSerializer[ClientTemplateVersion]):
    """A template as somebody left it. It never changes."""

    settings = TemplateSettings()

    class Meta:
        model = ClientTemplateVersion
        fields = ["number", "name", "parent_name", "settings", "note", "created_by", "created_at"]
        read_only_fields = fields


class SettingNamed(serializers.Serializer[Any]):
    """Which setting."""

    setting = serializers.ChoiceField(choices=sorted(SETTINGS))


class WantedOut(SettingNamed):
    """One setting that counts."""

    value = serializers.JSONField()
    asked_by = serializers.CharField(source="source", help_text=f"id of a template, or `{OF_CLIENT}`")


class DifferenceOut(serializers.Serializer[Any]):
    """One setting in which a tenant is not as wanted."""

    setting = serializers.ChoiceField(source="key", choices=sorted(SETTINGS))
    wanted = serializers.JSONField()
    actual = serializers.JSONField(help_text="null: nothing chosen")
    asked_by = serializers.CharField(source="source", help_text=f"id of a template, or `{OF_CLIENT}`")
    is_brought = serializers.BooleanField(help_text="whether a roll-out brings it into line")


class TenantDriftOut(serializers.Serializer[Any]):
    """A tenant with what differs; nothing where it is as wanted."""

    tenant = serializers.CharField(source="tenant.pk")
    name = serializers.CharField(source="tenant.name")
    organization = serializers.CharField(source="tenant.organization_id")
    template = serializers.CharField(source="use.template_id")
    differences = DifferenceOut(many=True)


class OverrideOut(SettingNamed):
    """What a client has otherwise than its template, and why."""

    value = serializers.JSONField(help_text="null: left open to the client")
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


class ClientOfTemplateOut(serializers.Serializer[Any]):
    """A client's template, what it has otherwise, what counts for its tenants, and what differs there."""

    template = serializers.CharField(allow_null=True)
    overrides = OverrideOut(many=True)
    wanted = WantedOut(many=True)
    tenants = TenantDriftOut(many=True)
    cut = serializers.BooleanField(
        help_text="whether there are more tenants: client-templates/{id}/drift?organization= lists them all"
    )


class AssignmentIn(serializers.Serializer[Any]):
    """Which template a client is to have, and what otherwise than that."""

    template = serializers.CharField(max_length=32, allow_null=True, help_text="null for none")
    settings = TemplateSettings(
        required=False,
        help_text="all that the client is to have otherwise, in place of what it has so now; left out: that stays",
    )
    reason = serializers.CharField(
        default="", allow_blank=True, max_length=LONGEST_NOTE, help_text="needed for settings that are new"
    )


class OverrideIn(serializers.Serializer[Any]):
    """What a client is to have otherwise."""

    settings = TemplateSettings(help_text="null leaves a setting open to the client")
    reason = serializers.CharField(max_length=LONGEST_NOTE)


class AcceptIn(SettingNamed):
    """What a tenant has, to be what its client is to have."""

    tenant = serializers.CharField(max_length=26)
    reason = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)

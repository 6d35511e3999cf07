"""What crosses the wire of the API about alerts."""

from typing import Any

from rest_framework import serializers

from fleet.alerts.actions import ACTS, LONGEST_NOTE, MOST
from fleet.alerts.dashboard import path_of
from fleet.alerts.models import Alert, AlertEntry, Suppression
from fleet.alerts.suppressions import LONGEST_REASON


def _names() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), read_only=True)


class AlertOut(serializers.ModelSerializer[Alert]):
    """The same trouble in one tenant, however often it was told."""

    organization = serializers.CharField(source="organization_id")
    tenant = serializers.CharField(source="tenant_id")
    tenant_name = serializers.CharField(source="tenant.name")
    groups = _names()
    techniques = _names()
    tactics = _names()
    suppressed = serializers.BooleanField(source="is_suppressed")
    dashboard_path = serializers.SerializerMethodField(help_text="Open the tenant's dashboard with this `path`")

    class Meta:
        model = Alert
        fields = [
            *("id", "organization", "tenant", "tenant_name", "kind", "severity", "level", "title", "rule_id"),
            *("groups", "techniques", "tactics", "agent_id", "agent_name", "count"),
            *("first_at", "last_at", "first_seq", "last_seq", "state", "assignee"),
            *("suppressed", "suppressed_until", "created_at", "closed_at", "dashboard_path"),
        ]
        read_only_fields = fields
        extra_kwargs = {
            "level": {"help_text": "the highest rule level among them"},
            "techniques": {"help_text": "ATT&CK techniques, by id"},
            "first_seq": {"help_text": "number in the tenant's event log"},
            "assignee": {"help_text": "a person's id, or empty"},
        }

    def get_dashboard_path(self, alert: Alert) -> str:
        """Empty where no dashboard shows it."""
        return path_of(alert)


class AlertEntryOut(serializers.ModelSerializer[AlertEntry]):
    """One thing that somebody did with an alert, or wrote to it."""

    class Meta:
        model = AlertEntry
        fields = ["id", "what", "by", "whom", "text", "created_at"]
        read_only_fields = fields


class WholeAlertOut(AlertOut):
    """An alert with what was done with it, the newest first."""

    history = serializers.SerializerMethodField()

    class Meta(AlertOut.Meta):
        fields = [*AlertOut.Meta.fields, "history"]
        read_only_fields = fields

    def get_history(self, alert: Alert) -> list[dict[str, Any]]:
        """Read by the view, which knows who asks."""
        return list(AlertEntryOut(self.context["entries"], many=True).data)


class HandleIn(serializers.Serializer[Any]):
    """The same for one or several alerts: `assignee` with act assign, empty for nobody."""

    alerts = serializers.ListField(
        child=serializers.CharField(max_length=32), min_length=1, max_length=MOST, help_text="their ids"
    )
    act = serializers.ChoiceField(choices=[*ACTS])
    assignee = serializers.CharField(
        max_length=64, default="", allow_blank=True, help_text="id of a member of the organization"
    )
    note = serializers.CharField(max_length=LONGEST_NOTE, default="", allow_blank=True)


class RefusedAlertOut(serializers.Serializer[Any]):
    """An alert that stayed as it was."""

    alert = serializers.CharField(source="alert_id")
    code = serializers.CharField(source="problem.code")
    message = serializers.CharField(source="problem.detail")


class HandledOut(serializers.Serializer[Any]):
    """What became of each."""

    changed = AlertOut(many=True)
    refused = RefusedAlertOut(many=True)


class NoteIn(serializers.Serializer[Any]):
    """A note to an alert."""

    text = serializers.CharField(max_length=LONGEST_NOTE)


class EventOut(serializers.Serializer[Any]):
    """An event of the tenant's log."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        """`data` is what the framework calls its own attribute."""
        return {**super().get_fields(), "data": serializers.DictField()}


class BehindOut(serializers.Serializer[Any]):
    """The newest alerts behind a row; partial where `problem` says why."""

    events = EventOut(many=True)
    missing = serializers.ListField(
        child=serializers.IntegerField(), help_text="numbers that have left the log by their age"
    )
    problem = serializers.CharField(source="problem.detail", default="", help_text="why not all could be read")


class SuppressionIn(serializers.Serializer[Any]):
    """What is to be counted and not shown, and until when."""

    rule_id = serializers.CharField(max_length=128)
    tenant = serializers.CharField(
        max_length=26, required=False, help_text="only in this tenant of the organization; else everywhere"
    )
    agent_id = serializers.CharField(max_length=128, default="", allow_blank=True, help_text="with `tenant`")
    reason = serializers.CharField(max_length=LONGEST_REASON)
    ends_at = serializers.DateTimeField()


class SuppressionOut(serializers.ModelSerializer[Suppression]):
    """A suppression: an MSP's own holds in its clients too."""

    organization = serializers.CharField(source="organization_id")
    tenant = serializers.CharField(source="tenant_id", allow_null=True)
    in_force = serializers.BooleanField(source="is_in_force")

    class Meta:
        model = Suppression
        fields = [
            *("id", "organization", "tenant", "rule_id", "agent_id", "reason", "ends_at", "in_force"),
            *("created_by", "created_at", "ended_at", "ended_by"),
        ]
        read_only_fields = fields

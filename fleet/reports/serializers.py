"""What crosses the wire of the API about reports."""

from typing import Any

from rest_framework import serializers

from fleet.reports.links import LONGEST_DAYS
from fleet.reports.models import Report, ReportAddress, ReportLink, ReportPlan
from fleet.reports.parts import PARTS
from fleet.reports.plans import MOST, MOST_CLIENTS, Terms


def _ids(most: int, help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=254), max_length=most, required=False, default=list, help_text=help_text
    )


class ReportPlanIn(serializers.Serializer[Any]):
    """A report that is to be made."""

    name = serializers.CharField(max_length=80)
    parts = serializers.ListField(child=serializers.ChoiceField(choices=sorted(PARTS)), min_length=1)
    every = serializers.ChoiceField(choices=ReportPlan.Every.choices, default="monthly")
    time_zone = serializers.CharField(max_length=64, default="UTC", help_text="in which weeks and months begin")
    clients = _ids(MOST_CLIENTS, "ids of organizations; none: all that are seen when it is made")
    members = _ids(MOST_CLIENTS, "ids of people of the organization to whom it is mailed")
    addresses = _ids(MOST, "confirmed addresses of others to whom it is mailed")
    active = serializers.BooleanField(default=True, help_text="whether it is made by itself")

    @property
    def terms(self) -> Terms:
        """The same as the action takes it."""
        return Terms(**self.validated_data)


class ReportPlanOut(serializers.ModelSerializer[ReportPlan]):
    """A planned report."""

    clients = serializers.ListField(child=serializers.CharField(), read_only=True)
    parts = serializers.ListField(child=serializers.CharField(), read_only=True)
    members = serializers.ListField(child=serializers.CharField(), read_only=True)
    addresses = serializers.ListField(child=serializers.CharField(), read_only=True)
    active = serializers.SerializerMethodField()

    class Meta:
        model = ReportPlan
        fields = [
            *("id", "name", "parts", "every", "time_zone", "clients", "members", "addresses", "active"),
            *("due_at", "reason", "created_by", "created_at"),
        ]
        read_only_fields = fields

    def get_active(self, plan: ReportPlan) -> bool:
        """Whether it is made by itself."""
        return plan.due_at is not None


class TableOut(serializers.Serializer[Any]):
    """One table. A cell that is null is not known."""

    part = serializers.CharField()
    title = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.JSONField(allow_null=True)))
    note = serializers.CharField()
    left_out = serializers.IntegerField(help_text="rows that there were beyond those that are kept")
    hidden = serializers.CharField(help_text="why its rows are not shown; empty where they are")


class ClientFiguresOut(serializers.Serializer[Any]):
    """What is told of one client."""

    id = serializers.CharField()
    name = serializers.CharField()
    tenants = serializers.IntegerField()
    tables = TableOut(many=True)


class FiguresOut(serializers.Serializer[Any]):
    """The figures of a report, as they were when it was made."""

    to = serializers.CharField()
    time_zone = serializers.CharField()
    made_at = serializers.CharField()
    left_out = serializers.IntegerField(help_text="clients that were named and could not be seen")
    clients = ClientFiguresOut(many=True, help_text="those that the asker sees now")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` can't be written as an attribute."""
        return {"from": serializers.CharField(), **super().get_fields()}


class ReportRowOut(serializers.ModelSerializer[Report]):
    """An issued report in a list."""

    plan = serializers.CharField(source="plan_id", allow_null=True)

    class Meta:
        model = Report
        fields = ["id", "plan", "name", "begins_at", "ends_at", "time_zone", "issued_as", "created_at"]
        read_only_fields = fields


class ReportOut(ReportRowOut):
    """An issued report with its figures."""

    figures = FiguresOut()

    class Meta(ReportRowOut.Meta):
        fields = [*ReportRowOut.Meta.fields, "figures"]
        read_only_fields = fields


class ReportLinkIn(serializers.Serializer[Any]):
    """A public link to be made."""

    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=30)


class ReportLinkOut(serializers.ModelSerializer[ReportLink]):
    """A public link, without its address."""

    class Meta:
        model = ReportLink
        fields = [
            *("id", "sent_to", "created_by", "created_at", "expires_at", "revoked_at", "downloads", "downloaded_at"),
        ]
        read_only_fields = fields


class NewReportLinkOut(ReportLinkOut):
    """A public link just made: its address is told this once."""

    address = serializers.CharField(read_only=True)

    class Meta(ReportLinkOut.Meta):
        fields = [*ReportLinkOut.Meta.fields, "address"]
        read_only_fields = fields


class ReportAddressIn(serializers.Serializer[Any]):
    """An address to be confirmed."""

    email = serializers.CharField(max_length=254)


class ReportAddressOut(serializers.ModelSerializer[ReportAddress]):
    """An address of somebody who is no member, to which reports may be mailed."""

    class Meta:
        model = ReportAddress
        fields = ["id", "email", "confirmed_by", "created_at"]
        read_only_fields = fields

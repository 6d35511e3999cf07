"""What crosses the wire of the API about status."""

from typing import Any

from rest_framework import serializers

from tenants.status.incidents import OVERDUE, UNDER_WAY
from tenants.status.models import ComponentPeriod, Incident, StatusLink, StatusSubscription, TenantPeriod
from tenants.status.periods import UNKNOWN

COMPONENT_STATES = [*ComponentPeriod.State.values, UNKNOWN]
STAGES = [*Incident.State.values, UNDER_WAY, OVERDUE]


class DayOut(serializers.Serializer[Any]):
    """One day (UTC)."""

    date = serializers.DateField()
    state = serializers.CharField(help_text="the worst of the day; unknown where nobody looked")


class ComponentOut(serializers.Serializer[Any]):
    """A part of the platform."""

    id = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=COMPONENT_STATES)
    since = serializers.DateTimeField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    up = serializers.FloatField(allow_null=True, help_text="percent of the time of which something is known")
    days = DayOut(many=True)


class GroupOut(serializers.Serializer[Any]):
    """The portal, or one deployment of the edge."""

    name = serializers.CharField()
    components = ComponentOut(many=True)


class SaidOut(serializers.Serializer[Any]):
    """What was said at one moment."""

    id = serializers.CharField()
    state = serializers.ChoiceField(choices=Incident.State.choices)
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class IncidentOut(serializers.Serializer[Any]):
    """An incident of the platform, or maintenance."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=Incident.Kind.choices)
    title = serializers.CharField()
    stage = serializers.ChoiceField(choices=STAGES)
    affects = serializers.ListField(child=serializers.CharField())
    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    updates = SaidOut(many=True)


class _Told(serializers.Serializer[Any]):
    open = IncidentOut(many=True)
    ahead = IncidentOut(many=True, help_text="maintenance that has yet to begin")
    past = IncidentOut(many=True, help_text="what ended within 14 days")


class PlatformStatusOut(_Told):
    """How the platform is."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=COMPONENT_STATES, help_text="the worst of all parts")
    as_of = serializers.DateTimeField(allow_null=True)
    groups = GroupOut(many=True)


class EdgePartOut(serializers.Serializer[Any]):
    """A part of the edge that carries a tenant."""

    id = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=COMPONENT_STATES)
    since = serializers.DateTimeField(allow_null=True)


class PlannedOut(serializers.Serializer[Any]):
    """When a tenant's nodes may restart."""

    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    is_certain = serializers.BooleanField(help_text="whether something is scheduled, or it is only the next window")


class TenantStatusOut(_Told):
    """How a tenant is. Its changes of state are a list of their own."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=TenantPeriod.State.choices)
    since = serializers.DateTimeField(allow_null=True)
    told_at = serializers.DateTimeField(allow_null=True)
    is_reached = serializers.BooleanField(help_text="whether the edge tells the portal anything just now")
    up = serializers.FloatField(allow_null=True, help_text="percent of the time that is known and counts")
    days = DayOut(many=True)
    edge = EdgePartOut(many=True)
    planned = PlannedOut(many=True)


class PeriodOut(serializers.ModelSerializer[TenantPeriod]):
    """For how long a tenant was in one state."""

    class Meta:
        model = TenantPeriod
        fields = ["id", "state", "reason", "created_at", "ended_at"]
        read_only_fields = fields


class StatusLinkIn(serializers.Serializer[Any]):
    """A public link to be made."""

    title = serializers.CharField(max_length=80, help_text="what strangers read instead of the tenant's name")


class StatusLinkOut(serializers.ModelSerializer[StatusLink]):
    """A public link, without its address."""

    class Meta:
        model = StatusLink
        fields = ["id", "title", "created_by", "created_at", "revoked_at"]
        read_only_fields = fields


class NewStatusLinkOut(StatusLinkOut):
    """A public link just made: its address is told this once."""

    address = serializers.CharField(read_only=True)

    class Meta(StatusLinkOut.Meta):
        fields = [*StatusLinkOut.Meta.fields, "address"]
        read_only_fields = fields


class StatusSubscriptionIn(serializers.Serializer[Any]):
    """An address to be asked whether it wants to be told."""

    email = serializers.CharField(max_length=254)


class StatusSubscriptionOut(serializers.ModelSerializer[StatusSubscription]):
    """An address that is told of a tenant's state, or was asked to confirm that."""

    class Meta:
        model = StatusSubscription
        fields = ["id", "email", "link_id", "created_at", "confirmed_at"]
        read_only_fields = fields
        extra_kwargs = {"link_id": {"help_text": "the public link by which it came about, or empty"}}

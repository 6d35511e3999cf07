"""What crosses the wire of the fleet's API."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from controlplane.problems import Malformed
from fleet.clients.filters import BY_NAME, FILTERS, SORTS, STATES, Asked
from fleet.clients.models import LONGEST_NAME, FleetView
from fleet.clients.queries import tenant_of
from tenants.provisioning.marks import why_of
from tenants.provisioning.models import Step, Tenant


class UnderWayOut(serializers.Serializer[Any]):
    """What goes on in a tenant."""

    id = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()
    steps_done = serializers.IntegerField()
    steps = serializers.IntegerField()


class LineTenantOut(serializers.Serializer[Any]):
    """The tenant of a line."""

    id = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()
    ring = serializers.ChoiceField(choices=Tenant.Ring.choices)
    why = serializers.CharField(help_text="One sentence about its state; empty where that says all", allow_blank=True)
    agents_enrolled = serializers.IntegerField()
    agents_active = serializers.IntegerField()
    last_event_at = serializers.DateTimeField(allow_null=True)
    certificate_ends_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    operation = UnderWayOut(allow_null=True)


class LineOut(serializers.Serializer[Any]):
    """One line of the fleet: a tenant, or a client without one."""

    organization = serializers.CharField()
    organization_name = serializers.CharField()
    plan = serializers.CharField()
    state = serializers.ChoiceField(choices=list(STATES))
    tenant = LineTenantOut(allow_null=True)

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """A line of `queries.lines`, with what `under_way` in the context tells of its tenant."""
        tenant, steps = tenant_of(instance), self.context["under_way"].get(instance["tenant_id"], ())
        return super().to_representation(
            {
                "organization": instance["id"],
                "organization_name": instance["name"],
                "plan": instance["plan"],
                "state": instance["health"],
                "tenant": _tenant(tenant, instance["health"], steps) if tenant else None,
            }
        )


def _tenant(tenant: Tenant, state: str, steps: Sequence[Step]) -> dict[str, Any]:
    same = ("name", "ring", "agents_enrolled", "agents_active", "last_event_at", "certificate_ends_at", "created_at")
    return {
        "id": tenant.pk,
        **{name: getattr(tenant, name) for name in same},
        "version": tenant.spec["version"],
        "why": why_of(tenant, state),
        "operation": _operation(steps) if steps else None,
    }


def _operation(steps: Sequence[Step]) -> dict[str, Any]:
    operation = steps[0].operation
    done = sum(step.state == Step.State.SUCCEEDED for step in steps)
    return {
        "id": operation.pk,
        "kind": operation.kind,
        "state": operation.state,
        "steps_done": done,
        "steps": len(steps),
    }


class FleetViewIn(serializers.Serializer[Any]):
    """A view to keep."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    shared = serializers.BooleanField(default=False, help_text="Everybody in the MSP has it")
    filters = serializers.DictField(
        child=serializers.CharField(max_length=128), help_text=f"Values by filter: {', '.join(FILTERS)}"
    )
    sort = serializers.ChoiceField(choices=list(SORTS), default=BY_NAME)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The same with the filters read: `asked` in their place."""
        return _read(attrs)


class FleetViewChange(serializers.Serializer[Any]):
    """What is to change of a view; what is left out stays."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    shared = serializers.BooleanField(required=False)
    filters = serializers.DictField(child=serializers.CharField(max_length=128), required=False)
    sort = serializers.ChoiceField(choices=list(SORTS), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The same with the filters read; what is left out of filters and sort is the view's own."""
        if not {"filters", "sort"} & set(attrs):
            return attrs
        view: FleetView = self.context["view"]
        return _read({"filters": view.filters, "sort": view.sort or BY_NAME, **attrs})


def _read(attrs: dict[str, Any]) -> dict[str, Any]:
    filters, sort = attrs.pop("filters"), attrs.pop("sort")
    unknown = sorted(set(filters) - set(FILTERS))
    if unknown:
        raise serializers.ValidationError({"filters": f"There is no filter {unknown[0][:40]!r}."})
    try:
        return {**attrs, "asked": Asked.read({**filters, "sort": sort})}
    except Malformed as problem:
        raise serializers.ValidationError({"filters": problem.detail}) from problem


class FleetViewOut(serializers.ModelSerializer[FleetView]):
    """A kept view."""

    owner = serializers.CharField(source="owner_id")
    filters = serializers.SerializerMethodField()

    class Meta:
        model = FleetView
        fields = ["id", "name", "owner", "shared", "filters", "sort", "created_at"]
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_filters(self, view: FleetView) -> dict[str, str]:
        """Values by filter."""
        return dict(view.filters)

"""What crosses the wire of the API about roll-outs."""

from typing import Any

from rest_framework import serializers

from tenants.provisioning.models import Tenant
from tenants.provisioning.scheduling import NOW, WHEN
from tenants.rollouts.actions import LONGEST_SOAK, MOST_FAILURES, SOAK_HOURS
from tenants.rollouts.kinds import IN_RINGS
from tenants.rollouts.models import Rollout, RolloutTarget
from tenants.rollouts.planning import MOST, SKIPS, TAKES, WAITS

ARGUMENTS = ("version", "template")


class OnlyIn(serializers.Serializer[Any]):
    """To what a roll-out is narrowed; what is left out narrows nothing."""

    organizations = serializers.ListField(child=serializers.CharField(max_length=32), default=list, max_length=MOST)
    tenants = serializers.ListField(child=serializers.CharField(max_length=26), default=list, max_length=MOST)


class RolloutIn(serializers.Serializer[Any]):
    """A roll-out to be begun."""

    kind = serializers.ChoiceField(choices=sorted(IN_RINGS), default="version")
    version = serializers.CharField(
        max_length=32, required=False, help_text="of the kind `version`: one that is on offer"
    )
    template = serializers.CharField(
        max_length=32, required=False, help_text="of the kind `template`: one of the organization's, by its id"
    )
    only = OnlyIn(required=False)
    when = serializers.ChoiceField(choices=WHEN, default=NOW, help_text="now, or in each tenant's maintenance window")
    soak_hours = serializers.IntegerField(
        default=SOAK_HOURS, min_value=0, max_value=LONGEST_SOAK, help_text="between one ring and the next"
    )
    failures_allowed = serializers.IntegerField(
        default=0, min_value=0, max_value=MOST_FAILURES, help_text="of more, it is held"
    )

    def asked(self) -> dict[str, Any]:
        """The same as the action takes it."""
        given = dict(self.validated_data)
        return {"arguments": {name: given.pop(name) for name in ARGUMENTS if name in given}, **given}


class RolloutOut(serializers.ModelSerializer[Rollout]):
    """A roll-out, and where it stands."""

    organization = serializers.CharField(source="organization_id")
    only = OnlyIn(read_only=True)
    version = serializers.CharField(source="arguments.version", required=False, help_text="of the kind `version`")
    template = serializers.CharField(source="arguments.template", required=False, help_text="of the kind `template`")

    class Meta:
        model = Rollout
        fields = [
            *("id", "organization", "kind", "version", "template", "only", "when", "soak_hours", "failures_allowed"),
            *("state", "ring", "reason", "look_at", "created_by", "created_at", "finished_at"),
        ]
        read_only_fields = fields
        extra_kwargs = {
            "ring": {"help_text": "at which it stands"},
            "reason": {"help_text": "why it is held"},
            "look_at": {"help_text": "when it is looked at next: while a ring soaks, its end"},
        }


class RolloutTargetOut(serializers.ModelSerializer[RolloutTarget]):
    """What became of one tenant."""

    tenant = serializers.CharField(source="tenant_id")
    organization = serializers.CharField(source="tenant_organization_id")
    name = serializers.CharField(source="tenant_name")
    operation = serializers.CharField(
        source="operation_id", help_text="empty while none was begun; of the kind `back_up` the backup's id"
    )

    class Meta:
        model = RolloutTarget
        fields = ["id", "tenant", "organization", "name", "ring", "state", "reason", "operation", "ended_at"]
        read_only_fields = fields


class ForeseenOut(serializers.Serializer[Any]):
    """What a roll-out would do with one tenant."""

    tenant = serializers.CharField(source="tenant.pk")
    organization = serializers.CharField(source="tenant.organization_id")
    name = serializers.CharField(source="tenant.name")
    ring = serializers.ChoiceField(source="tenant.ring", choices=Tenant.Ring.choices)
    outcome = serializers.ChoiceField(choices=[TAKES, WAITS, SKIPS])
    reason = serializers.CharField(allow_blank=True)


class RolloutPreview(serializers.Serializer[Any]):
    """What a roll-out would do, tenant by tenant in the order of the rings."""

    targets = ForeseenOut(many=True)

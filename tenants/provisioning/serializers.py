"""What crosses the wire of the API about tenants."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from organizations.external_ids import LONGEST
from organizations.models import Organization
from tenants.provisioning import backup_schedules, specs
from tenants.provisioning.drift import VERDICTS
from tenants.provisioning.models import Tenant
from tenants.provisioning.scheduling import NOW, WHEN


@extend_schema_field(
    {
        "type": ["object", "null"],
        "description": "What went wrong, and what to do next.",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string", "description": "Stable; for programs."},
            "message": {"type": "string"},
            "hint": {"type": "string"},
            "retryable": {"type": "boolean"},
            "details": {"type": "array", "items": {"type": "object"}},
        },
    }
)
class ReasonField(serializers.JSONField):
    """A reason as rows keep it; null where there is none."""


ContentStateField = {
    "type": "object",
    "required": ["wanted", "applied", "error"],
    "properties": {
        "wanted": {"type": ["string", "null"], "description": "digest of the bundle that was asked for"},
        "applied": {"type": ["string", "null"], "description": "digest of the bundle that the manager has"},
        "error": {"type": ["object", "null"], "description": "why it does not have the one asked for"},
    },
}
"""How OpenAPI describes a tenant's content."""


class TenantOut(serializers.ModelSerializer[Tenant]):
    """A tenant: what was asked for, what the edge says, and what that means."""

    external_id = serializers.CharField(help_text="what whoever provisioned it calls it; empty for nothing")
    organization = serializers.CharField(source="organization_id")
    cell = serializers.CharField(source="cell_id")
    status = serializers.ChoiceField(
        choices=[
            "provisioning",
            "running",
            "attention",
            "sleeping",
            "stopping",
            "stopped",
            "failed",
            "binned",
            "deleted",
        ],
        read_only=True,
    )
    reason = ReasonField(read_only=True)
    attention = serializers.ListField(child=serializers.DictField(), read_only=True)
    runtime = serializers.ChoiceField(
        choices=["stand-in", "docker", "cloudflare"], read_only=True, help_text="what the nodes really run on"
    )
    jurisdiction = serializers.ChoiceField(
        choices=Organization.Jurisdiction.choices,
        read_only=True,
        help_text="where it runs and keeps its data; empty for anywhere",
    )
    version = serializers.SerializerMethodField()
    plan = serializers.JSONField(source="spec", read_only=True)
    nodes = serializers.SerializerMethodField()
    agents = serializers.SerializerMethodField()
    ingest_verified_at = serializers.SerializerMethodField()
    certificate = serializers.SerializerMethodField()
    sleeping = serializers.DictField(
        child=serializers.CharField(), read_only=True, allow_null=True, help_text="`since` when, and `because` of what"
    )
    detection_delayed_since = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="since when events of agents wait at the edge for their manager"
    )
    sleep_after_minutes = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="without use for so long, it sleeps; null for never"
    )
    maintenance_window = serializers.DictField(
        read_only=True,
        allow_null=True,
        help_text="`days`, `start`, `minutes` and `time_zone`; null where there is none",
    )
    next_backup_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="when the edge makes the next backup that nobody orders; null: none"
    )
    backups = serializers.DictField(
        source="backup_schedule",
        read_only=True,
        allow_null=True,
        help_text="`every_hours`, `at_utc` and `keep` of the backups that nobody orders; null for one a day",
    )
    content = serializers.SerializerMethodField()
    dashboard_url = serializers.SerializerMethodField()

    class Meta:
        model = Tenant
        fields = [
            "id",
            "name",
            "external_id",
            "organization",
            "cell",
            "status",
            "attention",
            "requested",
            "generation",
            "observed",
            "observed_generation",
            "reason",
            "runtime",
            "jurisdiction",
            "version",
            "plan",
            "nodes",
            "agents",
            "ingest_verified_at",
            "certificate",
            "sleeping",
            "detection_delayed_since",
            "sleep_after_minutes",
            "next_backup_at",
            "backups",
            "maintenance_window",
            "content",
            "ring",
            "dashboard_url",
            "protected",
            "created_at",
            "binned_at",
            "erases_at",
            "deleted_at",
        ]
        read_only_fields = fields
        extra_kwargs = {
            "ring": {"help_text": "how early a roll-out reaches it"},
            "binned_at": {"help_text": "since when it lies in the recycle bin, or lay there before it was erased"},
            "erases_at": {"help_text": "when it is erased, unless it is undeleted before"},
            "deleted_at": {"help_text": "when nothing of it was left at the edge any more"},
        }

    def get_version(self, tenant: Tenant) -> str:
        """The version of Wazuh that was asked for."""
        return str(tenant.spec["version"])

    def get_nodes(self, tenant: Tenant) -> list[dict[str, Any]]:
        """The nodes as the edge saw them last, each with its health."""
        return list(_view(tenant).get("nodes") or [])

    def get_agents(self, tenant: Tenant) -> dict[str, int]:
        """How many agents are enrolled, and how many of them active."""
        return _view(tenant).get("agents") or {"enrolled": 0, "active": 0}

    def get_ingest_verified_at(self, tenant: Tenant) -> str | None:
        """When an alert was last seen to go in and come out."""
        return (_view(tenant).get("ingest") or {}).get("verified_at")

    def get_certificate(self, tenant: Tenant) -> dict[str, Any] | None:
        """The node certificates in use: generation, end and fingerprint."""
        return _view(tenant).get("certificate")

    @extend_schema_field(ContentStateField)
    def get_content(self, tenant: Tenant) -> dict[str, Any]:
        """Which bundle of content was asked for, which the manager has, and why it does not have the one asked for."""
        told = _view(tenant).get("content") or {}
        wanted = tenant.spec.get("content")
        return {"wanted": wanted, "applied": told.get("applied"), "error": told.get("error")}

    def get_dashboard_url(self, tenant: Tenant) -> str:
        """The dashboard's own host; entering it takes a code."""
        return str(_view(tenant).get("dashboard_url") or "")


def _view(tenant: Tenant) -> dict[str, Any]:
    return tenant.edge_view or {}


def _settings(name: str, bounds: Mapping[str, specs.Bounds]) -> type[serializers.Serializer[Any]]:
    """A serializer of whole numbers within bounds, all of them optional."""
    fields = {
        field: serializers.IntegerField(required=False, min_value=least, max_value=most)
        for field, (least, most) in bounds.items()
    }
    return type(name, (serializers.Serializer,), fields)


IndexerIn = _settings("IndexerIn", specs.INDEXER)
ThresholdsIn = _settings("ThresholdsIn", specs.THRESHOLDS)


class BackupScheduleIn(serializers.Serializer[Any]):
    """How often a tenant backs itself up; each is kept until `keep` later ones were due."""

    every_hours = serializers.IntegerField(
        min_value=backup_schedules.BOUNDS["every_hours"][0], max_value=backup_schedules.BOUNDS["every_hours"][1]
    )
    at_utc = serializers.CharField(
        required=False, allow_null=True, max_length=5, help_text="a time of the day in UTC, such as 02:30"
    )
    keep = serializers.IntegerField(
        min_value=backup_schedules.BOUNDS["keep"][0], max_value=backup_schedules.BOUNDS["keep"][1]
    )


class WishesIn(serializers.Serializer[Any]):
    """What may be chosen of a new tenant."""

    name = serializers.CharField(max_length=specs.LONGEST_NAME)
    external_id = serializers.CharField(
        max_length=LONGEST, allow_blank=True, default="", help_text="once in your own numbering, or that of your MSP"
    )
    version = serializers.CharField(max_length=32, required=False)
    certificate_days = serializers.IntegerField(required=False, min_value=1, max_value=specs.MOST_CERTIFICATE_DAYS)
    retention_days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=specs.MOST_RETENTION_DAYS,
        help_text="days that alerts can be searched; left out, what fits",
    )
    archive_days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=specs.MOST_RETENTION_DAYS,
        help_text="days that alerts lie in the archive, from which a day can be loaded again",
    )
    max_agents = serializers.IntegerField(required=False, min_value=1, max_value=specs.MOST_AGENTS)
    images = serializers.DictField(
        child=serializers.CharField(max_length=32), required=False, help_text="role → a version of its own"
    )
    indexer = IndexerIn(required=False)
    thresholds = ThresholdsIn(required=False)
    raw_enrollment = serializers.BooleanField(
        required=False, help_text="whether machines may enroll by Wazuh's own protocol on 1515 as well; left out, no"
    )
    sleep_after_minutes = serializers.IntegerField(
        required=False, allow_null=True, min_value=specs.LEAST_SLEEP, max_value=specs.MOST_SLEEP
    )
    backups = BackupScheduleIn(required=False, allow_null=True, help_text="left out, one a day")


class TenantIn(WishesIn):
    """A tenant to be created. What is left out follows the organization's plan."""

    organization = serializers.CharField(max_length=64)
    plan = serializers.CharField(max_length=32, required=False, help_text="code of the organization's own plan")


class WhenIn(serializers.Serializer[Any]):
    """When the nodes are to restart."""

    when = serializers.ChoiceField(
        choices=WHEN, default=NOW, help_text="at once, or in the tenant's next maintenance window"
    )


class VersionIn(WhenIn):
    """The version that a tenant is to run."""

    version = serializers.CharField(max_length=32, help_text="one of the cell's versions")


class PlanIn(WhenIn):
    """The plan whose sizes a tenant is to take."""

    plan = serializers.CharField(
        max_length=32, required=False, help_text="code of a plan on offer; left out, the organization's own"
    )


class FactOut(serializers.Serializer[Any]):
    """One thing that was asked for."""

    name = serializers.CharField(help_text="state, generation, version, content, or a role")
    desired = serializers.CharField()
    actual = serializers.CharField()
    in_step = serializers.BooleanField()


class DriftOut(serializers.Serializer[Any]):
    """What a tenant is asked to be beside what it is."""

    verdict = serializers.ChoiceField(
        choices=VERDICTS,
        help_text="under_way: what differs is being brought about; drifts: nothing is; unknown: nothing was told",
    )
    as_of = serializers.DateTimeField(allow_null=True, help_text="when the edge told it")
    facts = FactOut(many=True)

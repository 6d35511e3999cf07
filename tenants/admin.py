"""The admin site, for staff: reading only. Changes go through the actions, which check and audit them."""

from django.contrib import admin

from organizations.admin import ReadOnly
from tenants.models import (
    Agent,
    Backup,
    Cell,
    ComponentPeriod,
    EnrollmentToken,
    Incident,
    Operation,
    Revocation,
    Tenant,
    UsageHour,
)


@admin.register(Cell)
class CellAdmin(ReadOnly):
    """Deployments of the edge."""

    list_display = ["id", "base_url", "runtime", "epoch", "placed", "capacity", "open", "feed_seq", "feed_lease_until"]


@admin.register(Tenant)
class TenantAdmin(ReadOnly):
    """Tenants."""

    list_display = ["id", "name", "organization", "cell", "requested", "observed", "generation", "next_attempt_at"]
    list_filter = ["cell", "requested", "observed"]
    search_fields = ["id", "name"]


@admin.register(Operation)
class OperationAdmin(ReadOnly):
    """Operations."""

    list_display = ["id", "tenant", "kind", "state", "source", "created_at", "finished_at"]
    list_filter = ["kind", "state", "source"]
    search_fields = ["id", "tenant__id"]


@admin.register(EnrollmentToken)
class TokenAdmin(ReadOnly):
    """Enrollment tokens, without the digests of their secrets."""

    list_display = ["id", "tenant", "name", "uses", "max_uses", "expires_at", "revoked_at", "acknowledged_at"]
    exclude = ["secret_sha256", "wazuh5_key"]


@admin.register(Agent)
class AgentAdmin(ReadOnly):
    """Agents."""

    list_display = ["number", "name", "tenant", "status", "last_seen_at", "quarantined_at"]
    search_fields = ["name", "tenant__id"]


@admin.register(Revocation)
class RevocationAdmin(ReadOnly):
    """Ended access."""

    list_display = ["id", "tenant", "terms", "created_at", "acknowledged_at", "closed"]


@admin.register(UsageHour)
class UsageAdmin(ReadOnly):
    """What tenants used."""

    list_display = ["hour", "tenant", "kind", "role", "size", "quantity"]
    list_filter = ["kind"]
    search_fields = ["tenant__id"]


@admin.register(Backup)
class BackupAdmin(ReadOnly):
    """What is kept of tenants."""

    list_display = ["id", "tenant", "kind", "state", "created_at", "expires_at", "acknowledged_at"]
    list_filter = ["kind", "state"]
    search_fields = ["id", "tenant__id"]


@admin.register(ComponentPeriod)
class ComponentPeriodAdmin(ReadOnly):
    """What checks saw of the platform's components."""

    list_display = ["component", "state", "detail", "began_at", "seen_until", "newest"]
    list_filter = ["component", "state"]


@admin.register(Incident)
class IncidentAdmin(ReadOnly):
    """What staff told everybody. `manage.py status` writes it."""

    list_display = ["id", "kind", "title", "state", "begins_at", "ends_at", "resolved_at"]
    list_filter = ["kind", "state"]

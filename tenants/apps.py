"""Wires the room into Django."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what subscribes to facts and to changes of the feed."""
        import tenants.access.feed
        import tenants.access.revocations
        import tenants.access.trail_heads
        import tenants.agents.commands
        import tenants.agents.feed
        import tenants.content.supplying
        import tenants.enrollment.agents
        import tenants.enrollment.commands
        import tenants.enrollment.feed
        import tenants.protection.backups.mirror
        import tenants.protection.commands
        import tenants.protection.exports.mirroring
        import tenants.protection.receipts.fetching
        import tenants.provisioning.subscribers
        import tenants.status.telling
        import tenants.status.tenant_periods  # noqa: F401

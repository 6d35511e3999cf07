"""Wires the room into Django."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "fleet"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what subscribes to facts and to changes of the feed; have templates be rolled out like versions."""
        import fleet.alerts.feed
        import fleet.routing.routing  # noqa: F401
        from fleet.client_templates.rolling import NAME, TEMPLATE
        from tenants.rollouts import kinds

        kinds.add(NAME, TEMPLATE)

"""Wires the room into Django."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from billing import subscribers  # noqa: F401  (subscribes to the facts of other rooms)

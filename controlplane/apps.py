"""The Django app of what every room needs."""

from django.apps import AppConfig


class ControlplaneConfig(AppConfig):
    """Registers checks and logging when Django starts."""

    name = "controlplane"

    def ready(self) -> None:
        """Imports what registers itself, and what every room wants done regularly."""
        from controlplane import checks, mail  # noqa: F401
        from controlplane.celery import gather_schedule

        gather_schedule()

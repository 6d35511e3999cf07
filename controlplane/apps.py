"""The Django app of what every room needs."""

from django.apps import AppConfig


class ControlplaneConfig(AppConfig):
    """Registers checks and logging when Django starts."""

    name = "controlplane"

    def ready(self) -> None:
        """Imports what registers itself."""
        from controlplane import checks  # noqa: F401

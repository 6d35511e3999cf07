"""Django's `migrate`, as the owner of the tables."""

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate


class Command(DjangoMigrate):
    """Uses the connection ``owner`` where one is configured: `app` may not change tables."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Changes only the default of ``--database``."""
        super().add_arguments(parser)
        parser.set_defaults(database="owner" if "owner" in settings.DATABASES else "default")

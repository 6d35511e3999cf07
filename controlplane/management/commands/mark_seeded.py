"""Marks a database as holding demonstration rows."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlplane.models import Marker


class Command(BaseCommand):
    """`manage.py mark_seeded`, by whatever seeds people whose sign-ins everybody knows. Safe to repeat.

    Production refuses to start on such a database (check ``garrison.E007``), also after the rows were removed.
    """

    help = "Mark the database as holding demonstration rows, so that production refuses it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        if settings.GARRISON_ENV == "production":
            raise CommandError("A production database must not hold demonstration rows. Nothing was marked.")
        Marker.objects.get_or_create(name=Marker.SEEDED)

"""Makes an account of the platform's staff."""

import os
from getpass import getpass, getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.actor import Actor
from controlplane.problems import Problem
from organizations.actions import staff


class Command(BaseCommand):
    """`manage.py make_staff --email …`, audited in the platform's chain. The account opens nothing without a grant.

    The password is asked for, or read from ``GARRISON_STAFF_PASSWORD``; it is no argument, which others could read.
    """

    help = "Make an account that opens the admin site while `grant_staff` lets it."

    def add_arguments(self, parser: CommandParser) -> None:
        """--email"""
        parser.add_argument("--email", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        password = os.environ.get("GARRISON_STAFF_PASSWORD") or getpass("Password (16 characters or more): ")
        by = Actor.system(f"manage.py make_staff by {getuser()}")
        try:
            user = staff.make(by=by, email=options["email"], password=password)
        except Problem as problem:
            raise CommandError(f"{problem.detail} {problem.hint}") from problem
        self.stdout.write(f"{user.email} is {user.pk}. Now run grant_staff.")

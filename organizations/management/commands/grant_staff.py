"""Lets a member of the platform's staff into the admin site for a while."""

from getpass import getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.actor import Actor
from controlplane.problems import Problem
from organizations.actions import staff


class Command(BaseCommand):
    """`manage.py grant_staff --email … --reason … [--hours 1]`, or `--end`; audited in the platform's chain."""

    help = "Let a member of the staff see every organization in the admin site for some hours, or end that."

    def add_arguments(self, parser: CommandParser) -> None:
        """--email (--reason [--hours] | --end)"""
        parser.add_argument("--email", required=True, help="of an account that make_staff made")
        parser.add_argument("--reason", default="", help="what for, such as a ticket and its subject")
        parser.add_argument("--hours", type=int, default=1, help=f"1 to {staff.LONGEST_HOURS}")
        parser.add_argument("--end", action="store_true", help="end the person's grants at once")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        by = Actor.system(f"manage.py grant_staff by {getuser()}")
        found = staff.staff_of_address(options["email"])
        if not found:
            raise CommandError("Nobody of the staff has this address. Run make_staff first.")
        try:
            self.stdout.write(_end(by, found[0]) if options["end"] else _grant(by, found[0], options))
        except Problem as problem:
            raise CommandError(f"{problem.detail} {problem.hint}") from problem


def _grant(by: Actor, user_id: str, options: dict[str, Any]) -> str:
    made = staff.grant(by=by, user_id=user_id, reason=options["reason"], hours=options["hours"])
    return f"{options['email']} may look until {made.ends_at:%Y-%m-%d %H:%M} UTC."


def _end(by: Actor, user_id: str) -> str:
    return f"{staff.end(by=by, user_id=user_id)} grants ended."

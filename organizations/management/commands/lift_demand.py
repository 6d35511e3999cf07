"""The operator's way back for an organization that shut itself out: lifts one of its demands, and tells its owners."""

from getpass import getuser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from controlplane import rls
from controlplane.actor import Actor
from organizations import owner_notices
from organizations.actions import security
from organizations.models import Organization

# What may shut everybody out, with what takes it back and how owners read of it.
DEMANDS: dict[str, tuple[dict[str, Any], str]] = {
    "networks": ({"allowed_networks": []}, "to come from networks on its list"),
    "second-factor": ({"require_second_factor": False}, "to show a second factor"),
}
LEAST_REASON = 10


class Command(BaseCommand):
    """`manage.py lift_demand --organization … --demand networks --reason …`; audited in the organization's chain."""

    help = "Lift what an organization demands of whoever enters, when nobody can meet it any more."

    def add_arguments(self, parser: CommandParser) -> None:
        """--organization --demand --reason"""
        parser.add_argument("--organization", required=True, help="organization id (org_…)")
        parser.add_argument("--demand", required=True, choices=DEMANDS)
        parser.add_argument(
            "--reason", required=True, help="who asked and how you know that it is them; owners read it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        reason, organization_id = options["reason"].strip(), options["organization"]
        if len(reason) < LEAST_REASON:
            raise CommandError("Say who asked and how you know that it is them. Nothing was changed.")
        by = Actor.system(f"manage.py lift_demand by {getuser()}: {reason}")
        with rls.acting_as(f"org:{organization_id}"), transaction.atomic():
            organization = Organization.objects.filter(pk=organization_id).first()
            if organization is None:
                raise CommandError("There is no such organization. Its id is org_….")
            told = _lift(by, organization, options["demand"], reason)
        self.stdout.write(told)


def _lift(by: Actor, organization: Organization, demand: str, reason: str) -> str:
    less, words = DEMANDS[demand]
    before = [getattr(organization, name) for name in less]
    if before == list(less.values()):
        return f"{organization} does not ask anybody {words}. Nothing was changed."
    security.change(by=by, organization=organization, **less)
    owners = owner_notices.tell_owners(organization, "demand_lifted", demand=words, reason=reason)
    return f"{organization} no longer asks anybody {words}. {owners} owners were told by mail."

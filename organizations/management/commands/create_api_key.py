"""Makes an API key from the operator's shell: the first one, before anybody can make one by API or page."""

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Problem
from organizations.actions import keys
from organizations.keys.models import LONGEST_DAYS
from organizations.models import Membership, Organization
from organizations.roles.named import permissions_of_role


class Command(BaseCommand):
    """Prints the key's text, and nothing else, on standard output."""

    help = "Make an API key for a member of an organization and print it once."

    def add_arguments(self, parser: CommandParser) -> None:
        """--organization --owner [--scopes] [--days] [--name] [--network]"""
        parser.add_argument("--organization", required=True, help="organization id (org_…)")
        parser.add_argument("--owner", required=True, help="id (usr_…) or e-mail address of a member")
        parser.add_argument(
            "--scopes", default="", help="permissions, separated by commas; default: all of the owner's"
        )
        parser.add_argument("--days", type=int, default=90, help=f"how long it lasts, at most {LONGEST_DAYS}")
        parser.add_argument("--name", default="made on the command line")
        parser.add_argument("--network", action="append", default=[], help="CIDR range it may be used from; repeatable")

    def handle(self, *args: Any, **options: Any) -> None:
        """Makes the key as the owner, with the owner's limits."""
        membership = _membership(options["organization"], options["owner"])
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        actor = Actor(user_id=membership.user_id, kind="user", reason="create_api_key")
        try:
            with rls.acting_as(actor.rls_actor):
                _, text = keys.create(
                    by=actor,
                    organization=Organization.objects.get(pk=membership.organization_id),
                    name=options["name"],
                    scopes=scopes or permissions_of_role(membership.organization_id, membership.role),
                    expires_in=dt.timedelta(days=options["days"]),
                    networks=options["network"],
                )
        except Problem as problem:
            raise CommandError(f"{problem.detail} {problem.hint}") from problem
        self.stdout.write(text)


def _membership(organization_id: str, owner: str) -> Membership:
    with rls.acting_as(f"org:{organization_id}"):
        members = Membership.objects.filter(organization_id=organization_id)
        found = list(members.filter(user_id=owner) or members.filter(user__email__iexact=owner))
    if len(found) != 1:
        raise CommandError(f"The organization has {len(found)} members of that id or address; exactly one is needed.")
    return found[0]

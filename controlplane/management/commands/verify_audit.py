"""Checks the audit chains."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane import audit, rls
from controlplane.models import AuditEntry, AuditHead


class Command(BaseCommand):
    """`manage.py verify_audit [--organization ID]`; exit status 1 if a chain does not hold."""

    help = "Walk every organization's audit chain and report where one was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Arguments of the command."""
        parser.add_argument("--organization", help="only this organization's chain")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        chains = [options["organization"]] if options["organization"] else _chains()
        breaks = [found for chain in chains if (found := audit.verify(chain))]
        for found in breaks:
            self.stderr.write(f"{found.organization_id}: {found.reason} at position {found.position}.")
        if breaks:
            raise CommandError(f"{len(breaks)} of {len(chains)} chains do not hold.")
        self.stdout.write(f"{len(chains)} chains hold.")


def _chains() -> list[str]:
    """Every chain that has an end or an entry: one that lost its end is in doubt, not gone."""
    rows = rls.call("audit_chains", otherwise=_on_sqlite)
    return sorted(row["organization_id"] for row in rows)


def _on_sqlite() -> list[dict[str, str]]:
    heads = AuditHead.objects.values_list("organization_id", flat=True)
    entries = AuditEntry.objects.values_list("organization_id", flat=True).distinct()
    return [{"organization_id": chain} for chain in {*heads, *entries}]

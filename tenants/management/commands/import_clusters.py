"""`manage.py import_clusters PLACE --organization org_…`: make a tenant of each seed manifest."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from billing.entitlements import entitlement_of
from controlplane.actor import Actor
from controlplane.problems import FieldError, Problem
from controlplane.rls import acting_as
from organizations.models import Organization
from tenants.provisioning import actions, manifests
from tenants.provisioning.manifests import Manifest
from tenants.provisioning.models import Tenant

Row = tuple[str, str, str]
HEAD: Row = ("manifest", "tenant", "result")


class Command(BaseCommand):
    help = "Make a tenant of each manifest that has none yet, by its name. All of them, or none where one can't be had."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the manifests are, and whose tenants they become."""
        parser.add_argument("place", type=Path, help="a manifest, or a folder with them (or with clusters/*.json)")
        parser.add_argument("--organization", required=True, help="id of the organization, org_…")
        parser.add_argument("--dry-run", action="store_true", help="say what would be made, and make nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, judge and make; with faults or as a dry run everything is taken back."""
        found = _read(options["place"])
        organization_id = options["organization"]
        by = Actor.system("an operator of the platform imported manifests", organization_id=organization_id)
        with acting_as(by.rls_actor):
            organization = Organization.objects.filter(pk=organization_id).first()
            if organization is None:
                raise CommandError(f"There is no organization {organization_id}.")
            importer = _Importer(by, organization)
            rows = [importer.bring(manifest) for manifest in found]
            if importer.faults:
                # Raised inside the transaction, which takes back what was made before the fault was met.
                raise _refusal(importer.faults)
            transaction.set_rollback(options["dry_run"])
        self.stdout.write("\n".join(_table([HEAD, *rows])))
        self.stdout.write("A dry run: nothing was made." if options["dry_run"] else f"{importer.made} made.")


class _Importer:
    """Brings one manifest after the other; `faults` collects what can't be had, as lines."""

    def __init__(self, by: Actor, organization: Organization) -> None:
        self._by, self._organization = by, organization
        self._entitlement = entitlement_of(organization.pk)
        self.faults: list[str] = []
        self.made = 0

    def bring(self, manifest: Manifest) -> Row:
        """The manifest's line of the table."""
        known = Tenant.objects.filter(organization=self._organization, name=manifest.name, deleted_at=None).first()
        if known is not None:
            differs = manifest.differs_from(known.spec)
            result = f"kept, though it differs in {', '.join(differs)}" if differs else "there already"
            return (manifest.file.name, known.pk, result)
        return (manifest.file.name, self._make(manifest), f"made: {manifest.name}")

    def _make(self, manifest: Manifest) -> str:
        beyond = list(manifest.beyond(self._entitlement))
        self.faults += _lines(manifest.file, beyond)
        try:
            tenant, _ = actions.create(
                by=self._by, organization=self._organization, name=manifest.name, **manifest.wishes
            )
        except Problem as problem:
            errors = [FieldError(_path_of(error.field), error.message) for error in problem.errors]
            self.faults += _lines(manifest.file, errors or [FieldError(problem.code, problem.detail)])
            return ""
        self.made += 1
        return tenant.pk


def _read(place: Path) -> list[Manifest]:
    files = manifests.files_of(place)
    if not files:
        raise CommandError(f"{place}: there is no manifest.")
    found, faults = [], []
    for file in files:
        try:
            found.append(manifests.read(file))
        except manifests.Unreadable as error:
            faults += _lines(file, error.faults)
    names = [manifest.name for manifest in found]
    faults += [f"{each.file}: name: Another manifest has it too." for each in found if names.count(each.name) > 1]
    if faults:
        raise _refusal(faults)
    return found


def _lines(file: Path, errors: Iterable[FieldError]) -> list[str]:
    return [f"{file}: {error.field}: {error.message}" for error in errors]


def _path_of(field: str) -> str:
    """Where the manifest has what the actions know under this name."""
    first, _, rest = field.partition(".")
    if first == "images":
        return f"plan.roles.{rest}.image"
    return field if first == "name" else f"plan.{field}"


def _refusal(faults: list[str]) -> CommandError:
    return CommandError("\n".join(["Nothing was made:", *faults]))


def _table(rows: list[Row]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return [f"{file:<{widths[0]}}  {tenant:<{widths[1]}}  {result}" for file, tenant, result in rows]

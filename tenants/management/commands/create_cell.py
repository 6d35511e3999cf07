"""`manage.py create_cell`: register a deployment of the edge, or bring its registration up to date."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.environment import environment
from organizations.models import Organization
from tenants.provisioning.models import Cell


class Command(BaseCommand):
    help = "Register a cell: one deployment of the edge. Repeating it updates what is given."

    def add_arguments(self, parser: CommandParser) -> None:
        """What a cell is; versions are listed with the newest first."""
        parser.add_argument("--id", required=True, help="two characters of a-z2-7; begins every tenant id")
        parser.add_argument("--base-url", required=True, help="where the edge answers, such as https://edge.example")
        parser.add_argument("--dashboard-zone", required=True, help="host behind <tenant>. of every dashboard")
        parser.add_argument("--runtime", required=True, choices=Cell.Runtime.values)
        parser.add_argument("--versions", required=True, help="comma list; the first is what new tenants get")
        parser.add_argument("--capacity", type=int, default=400, help="how many tenants it takes")
        parser.add_argument("--jurisdiction", default="", choices=Organization.Jurisdiction.values)
        parser.add_argument(
            "--agent-ca",
            type=Path,
            help="PEM file of the authority behind the edge's certificate, for agents of Wazuh 5",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check and store; the cursor, the epoch and the count of tenants stay."""
        cell_id, base_url = options["id"], options["base_url"].rstrip("/")
        versions = [version.strip() for version in options["versions"].split(",") if version.strip()]
        self._check(cell_id, base_url, versions, options["capacity"])
        self._refuse_to_move(cell_id, options["jurisdiction"])
        _, is_new = Cell.objects.update_or_create(
            id=cell_id,
            defaults={
                "base_url": base_url,
                "dashboard_zone": options["dashboard_zone"],
                "runtime": options["runtime"],
                "versions": versions,
                "capacity": options["capacity"],
                "jurisdiction": options["jurisdiction"],
                **({"agent_ca": _authority(options["agent_ca"])} if options.get("agent_ca") else {}),
            },
        )
        self.stdout.write(f"cell {cell_id} {'registered' if is_new else 'updated'}")

    def _refuse_to_move(self, cell_id: str, jurisdiction: str) -> None:
        """What was said of a tenant's place, and what its objects are bound to, holds as long as there is a tenant."""
        placed = Cell.objects.filter(pk=cell_id, placed__gt=0).exclude(jurisdiction=jurisdiction)
        if placed.exists():
            raise CommandError(f"The cell {cell_id} has tenants, whose jurisdiction stays as it is.")

    def _check(self, cell_id: str, base_url: str, versions: list[str], capacity: int) -> None:
        settings = environment()
        address = urlsplit(base_url)
        if cell_id not in settings.cell_id_keys:
            raise CommandError(f"GARRISON_CELL_ID_KEYS has no key for the cell {cell_id}.")
        if not address.hostname or address.scheme not in ("http", "https") or address.path:
            raise CommandError("--base-url must be an origin such as https://edge.example.")
        if settings.is_production and address.scheme != "https":
            raise CommandError("In production an edge is reached by https only.")
        if not versions or capacity < 1:
            raise CommandError("A cell needs at least one version and room for one tenant.")


def _authority(path: Path) -> str:
    """The one certificate in a file, as PEM and nothing else."""
    try:
        (certificate,) = x509.load_pem_x509_certificates(path.read_bytes())
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise CommandError("--agent-ca must be a PEM file with the one certificate of an authority.") from error
    if not is_authority:
        raise CommandError("--agent-ca is no authority's certificate: agents would trust nothing that it signs.")
    return certificate.public_bytes(Encoding.PEM).decode("ascii")

"""Verifies a downloaded receipt, without portal, database or edge."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.protection.receipts.signatures import NotGenuine, verify


class Command(BaseCommand):
    """Exit status 0 and what was signed, or the reason why the receipt is not genuine."""

    help = "Verify an erasure certificate or an isolation receipt against the edge's public keys."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Takes the file, and the keys that are trusted."""
        parser.add_argument("file", type=Path, help="the downloaded JSON")
        parser.add_argument("--keys", type=Path, required=True, help="the edge's /.well-known/jwks.json, saved")

    def handle(self, *, file: Path, keys: Path, **_: Any) -> None:
        """Reads both files and says what was signed."""
        receipt, trusted = _read(file).get("receipt"), _read(keys).get("keys")
        if not isinstance(receipt, str) or not isinstance(trusted, list):
            raise CommandError("The file needs the member receipt, the keys need the member keys.")
        try:
            verified = verify(receipt, trusted)
        except NotGenuine as error:
            raise CommandError(f"Not genuine. {error}") from error
        self.stdout.write(json.dumps(verified.statement, indent=2))
        self.stdout.write(f"Genuine: signed with the key {verified.key['kid']}.")


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} can't be read as JSON.") from error
    return data if isinstance(data, dict) else {}

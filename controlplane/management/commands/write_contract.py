"""Writes the API's description from its code."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

FILE = Path("contracts/portal-api.json")


class Command(BaseCommand):
    """`manage.py write_contract [--check]`: makes or compares ``contracts/portal-api.json`` (OpenAPI 3.1)."""

    help = "Write contracts/portal-api.json, or fail if it differs from the code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Arguments of the command."""
        parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs the command."""
        target = settings.BASE_DIR / FILE
        text = contract_text()
        if not options["check"]:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
            self.stdout.write(f"Wrote {FILE}.")
        elif not target.exists() or target.read_text() != text:
            raise CommandError(f"{FILE} is out of date: run `make contracts` and commit it.")


def contract_text() -> str:
    """Returns the description. Raises: CommandError where the code leaves a type open."""
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        schema = SchemaGenerator().get_schema(request=None, public=True)
    complaints = [*GENERATOR_STATS._error_cache, *GENERATOR_STATS._warn_cache]
    if complaints:
        raise CommandError("The API does not describe itself completely:\n- " + "\n- ".join(complaints))
    validate_schema(schema)
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"

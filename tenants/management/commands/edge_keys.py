"""`manage.py edge_keys`: which key-encryption keys the tenants of each cell need, and which may be taken away."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Cell


class Command(BaseCommand):
    help = "Say of every key in DATA_KEYS whether it may be removed. Fails where a key that tenants need is missing."

    def handle(self, *args: Any, **options: Any) -> None:
        """A line a key and cell, with what may be done."""
        missing = [f"{cell.pk}: {kek}" for cell in Cell.objects.order_by("pk") for kek in self._tell(cell)]
        if missing:
            raise CommandError(f"Put back from escrow and deploy: {', '.join(missing)}")

    def _tell(self, cell: Cell) -> list[str]:
        """The keys that are needed and not there."""
        try:
            answer = EdgeApi(cell).keys()
        except EdgeError as error:
            raise CommandError(f"{cell.pk}: {error}") from error
        told = verdicts(answer)
        for kek, words in told.items():
            self.stdout.write(f"{cell.pk} {kek}: {words}")
        if answer["unknown"]:
            self.stdout.write(f"{cell.pk}: {answer['unknown']} tenants have not said yet; look again in some minutes")
        return [kek for kek, words in told.items() if words.startswith("MISSING")]


def verdicts(answer: Mapping[str, Any]) -> dict[str, str]:
    """What may be done with each key, by its id: `answer` as `EdgeApi.keys` gives it."""
    tenants: dict[str, int] = {use["kek"]: use["tenants"] for use in answer["in_use"]}
    keks = sorted({*answer["configured"], *tenants})
    return {kek: _verdict(answer, kek, tenants.get(kek, 0)) for kek in keks}


def _verdict(answer: Mapping[str, Any], kek: str, tenants: int) -> str:
    if kek not in answer["configured"]:
        return f"MISSING, and {tenants} tenants need it"
    if kek == answer["current"]:
        return f"current, {tenants} tenants"
    if tenants:
        return f"keep it: {tenants} tenants need it until they have wrapped anew"
    return "keep it: not every tenant has said what it needs" if answer["unknown"] else "may be removed"

"""A file of clients on the pages: one was made, one failed, and one has yet to begin."""

from typing import Any

from fleet.models import ClientImport, ClientImportLine
from fleet.onboarding.wanted import Wanted
from tests.database import all_rows

LINES = (
    ("Juniper Dental", "done", "", "Alder Dental Group"),
    ("Larch Logistics", "failed", "it@northwatch.example: You are here for a service provider.", ""),
    ("Maple Foods", "done", "A client of yours has this id already. Nothing was made.", ""),
)


def add_import(world: Any) -> None:
    """What became of each line stands in rows; no client of it is needed to look at them."""
    with all_rows():
        world.brought = ClientImport.objects.create(
            organization=world.msp,
            name="clients of May.csv",
            state="finished",
            created_by=world.paula.pk,
            acts_as=world.paula.pk,
        )
        for number, (name, state, reason, client) in enumerate(LINES, start=2):
            ClientImportLine.objects.create(
                organization=world.msp,
                batch=world.brought,
                number=number,
                wanted=Wanted(name, external_id=f"crm-{number}").as_json(),
                state=state,
                reason=reason,
                client_id=world.clients[client].pk if client else "",
            )

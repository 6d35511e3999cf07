"""Files of clients ready to be read: plain values and marks."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse

from controlplane.csv_rows import csv_row
from controlplane.marks import Mark
from fleet.onboarding.imports import Foreseen
from fleet.onboarding.models import ClientImport, ClientImportLine

STATES = {
    "running": Mark("working", "loader-circle", "Under way"),
    "finished": Mark("ok", "circle-check", "Finished"),
}
LINES = {
    "pending": Mark("off", "circle-dashed", "Not begun"),
    "done": Mark("ok", "circle-check", "Done"),
    "failed": Mark("failed", "circle-x", "Failed"),
}
WOULD = Mark("ok", "circle-check", "Is made")
KNOWN = Mark("off", "circle-pause", "Is there already")
FAULTY = Mark("failed", "circle-x", "Needs mending")
COLUMNS = ("line", "external_id", "name", "state", "reason", "client", "tenant")


def import_row(batch: ClientImport, names: Mapping[str, str], states: Mapping[str, int]) -> dict[str, Any]:
    """One file of a list. Args: states: how many of its lines are in which."""
    return {
        "id": batch.pk,
        "name": batch.name,
        "url": reverse("fleet:client-import", args=[batch.organization_id, batch.pk]),
        "mark": STATES[batch.state],
        "is_running": batch.state == ClientImport.State.RUNNING,
        "counts": [(state, LINES[state], states[state]) for state in LINES if states.get(state)],
        "failed": states.get("failed", 0),
        "created_by": names.get(batch.created_by, "–"),
        "created_at": batch.created_at,
        "finished_at": batch.finished_at,
    }


def line_row(line: ClientImportLine) -> dict[str, Any]:
    """One line with what became of it."""
    return {
        "number": line.number,
        "name": line.wanted["name"],
        "external_id": line.wanted["external_id"],
        "url": reverse("fleet:home", args=[line.client_id]) if line.client_id else "",
        "mark": LINES[line.state].saying(why=line.reason),
        "ended_at": line.ended_at,
    }


def foreseen_row(foreseen: Foreseen, templates: Mapping[str, str]) -> dict[str, Any]:
    """One line with what would become of it. Args: templates: names by id."""
    line, wanted = foreseen.line, foreseen.line.wanted
    return {
        "number": line.number,
        "name": wanted.name,
        "external_id": wanted.external_id,
        "template": templates.get(wanted.template, wanted.template),
        "tenant": wanted.tenant,
        "administrators": len(wanted.administrators),
        "mark": FAULTY if line.faults else KNOWN if foreseen.is_known else WOULD,
        "faults": line.faults,
    }


def report(lines: Iterable[ClientImportLine]) -> str:
    """What became of every line, as CSV that a spreadsheet can open without harm."""
    rows = ((line.number, *_of(line.wanted), line.state, line.reason, line.client_id, line.tenant_id) for line in lines)
    return "".join(map(csv_row, (COLUMNS, *rows)))


def _of(wanted: Mapping[str, str]) -> tuple[str, str]:
    return wanted["external_id"], wanted["name"]

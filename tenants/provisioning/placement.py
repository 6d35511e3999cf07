"""Which cell a new tenant goes to, and how many fit."""

import structlog
from django.db.models import F

from tenants.provisioning.models import Cell
from tenants.provisioning.problems import CellFull, InvalidPlan

log = structlog.get_logger(__name__)


def place(version: str | None) -> Cell:
    """
    Take a place for one tenant in a cell that is open, has room and offers the version.

    The place is taken by one conditional UPDATE. Raises InvalidPlan where no cell offers the version, CellFull where
    all that do are full.
    """
    cells = [cell for cell in Cell.objects.filter(open=True) if _offers(cell, version)]
    if not cells and version is not None:
        raise InvalidPlan("version", f"Version {version} is not on offer.")
    for cell in sorted(cells, key=lambda cell: cell.placed / max(cell.capacity, 1)):
        if Cell.objects.filter(pk=cell.pk, placed__lt=F("capacity")).update(placed=F("placed") + 1):
            return cell
    log.error("no_room_in_any_cell", cells=[cell.pk for cell in cells], version=version)
    raise CellFull


def release(cell_id: str) -> None:
    """Give back the place of a tenant that is gone."""
    Cell.objects.filter(pk=cell_id, placed__gt=0).update(placed=F("placed") - 1)


def _offers(cell: Cell, version: str | None) -> bool:
    return bool(cell.versions) and (version is None or version in cell.versions)

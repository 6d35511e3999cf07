"""Which cell a new tenant goes to, and how many fit."""

from collections.abc import Mapping, Sequence

import structlog
from django.db.models import F

from controlplane.problems import FieldError
from tenants.provisioning.models import Cell
from tenants.provisioning.problems import CellFull, InvalidPlan

log = structlog.get_logger(__name__)


def open_cells(jurisdiction: str) -> list[Cell]:
    """Cells that take tenants. Args: jurisdiction: where an organization's data have to lie; empty for anywhere."""
    opened = Cell.objects.filter(open=True)
    there = opened.filter(jurisdiction=jurisdiction) if jurisdiction else opened
    return [cell for cell in there if cell.versions]


def place(jurisdiction: str, version: str | None, images: Mapping[str, str], *, within: str | None = None) -> Cell:
    """
    Take a place for one tenant in a cell that is open, in the jurisdiction, has room and offers the versions.

    The place is taken by one conditional UPDATE. `within` names the only cell that will do. Raises InvalidPlan where no
    cell offers the versions, CellFull where all that do are full, or none is in the jurisdiction.
    """
    wanted = {
        **({} if version is None else {"version": version}),
        **{f"images.{role}": v for role, v in images.items()},
    }
    opened = [cell for cell in open_cells(jurisdiction) if within in (None, cell.pk)]
    cells = [cell for cell in opened if all(each in cell.versions for each in wanted.values())]
    if not cells and wanted and opened:
        raise InvalidPlan(*_not_on_offer(wanted, opened))
    for cell in sorted(cells, key=lambda cell: cell.placed / max(cell.capacity, 1)):
        if Cell.objects.filter(pk=cell.pk, placed__lt=F("capacity")).update(placed=F("placed") + 1):
            return cell
    log.error("no_room_in_any_cell", cells=[cell.pk for cell in cells], version=version, jurisdiction=jurisdiction)
    raise CellFull(jurisdiction)


def release(cell_id: str) -> None:
    """Give back the place of a tenant that is gone."""
    Cell.objects.filter(pk=cell_id, placed__gt=0).update(placed=F("placed") - 1)


def _not_on_offer(wanted: Mapping[str, str], cells: Sequence[Cell]) -> tuple[FieldError, ...]:
    """Versions that no cell has; where each is somewhere but no cell has all, every one."""
    nowhere = {field: each for field, each in wanted.items() if not any(each in cell.versions for cell in cells)}
    words = "is not on offer." if nowhere else "is not on offer together with the others."
    return tuple(FieldError(field, f"Version {each} {words}") for field, each in (nowhere or wanted).items())

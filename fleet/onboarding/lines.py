"""Reads a file of clients. Pure: whether a template is known is asked of what the caller gives."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controlplane.csv_rows import csv_row
from controlplane.problems import FieldError, Invalid
from fleet.client_templates.models import ClientTemplate
from fleet.onboarding.wanted import Wanted, faults

MOST_LINES, LARGEST_TEXT = 1000, 512 * 1024
NEEDED = ("external_id", "name")
COLUMNS = (*NEEDED, "jurisdiction", "template", "tenant", "administrators", "role_ceiling")
BETWEEN_ADDRESSES = ";"
SAMPLE = "".join(
    map(
        csv_row,
        (
            COLUMNS,
            ("crm-4711", "Juniper Dental", "eu", "Small offices", "Production", "ann@juniper.example", "operator"),
            ("crm-4712", "Larch Logistics", "", "", "Production", "it@larch.example;ceo@larch.example", ""),
            ("crm-4713", "Maple Foods", "", "Small offices", "", "", ""),
        ),
    )
)


@dataclass(frozen=True)
class Line:
    """One line: its number in the file (the header is line 1), what it asks for, and what is wrong with it."""

    number: int
    wanted: Wanted
    faults: tuple[FieldError, ...]


def read(text: str, templates: Mapping[str, ClientTemplate]) -> list[Line]:
    """
    The clients of a file, each with its faults, which name the column.

    Args: templates: the MSP's, by id; a file names them.
    Raises Invalid for what is no such file at all, and for one that is too large.
    """
    if len(text.encode()) > LARGEST_TEXT:
        raise _unreadable(f"A file has at most {LARGEST_TEXT // 1024} KiB.")
    rows = list(_rows(text))
    if not rows:
        raise _unreadable(f"It has no line. The first one names the columns: {', '.join(COLUMNS)}.")
    header = _header(rows[0][1])
    lines = [_line(number, header, cells, templates) for number, cells in rows[1:] if any(map(str.strip, cells))]
    if not 1 <= len(lines) <= MOST_LINES:
        raise _unreadable(f"It has {len(lines)} clients; expected 1 to {MOST_LINES}.")
    return list(_told_apart(lines))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", strict=True)
    number = 1
    try:
        for cells in reader:
            yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(f"Line {number} can't be read: {error}.") from error


def _header(cells: Sequence[str]) -> list[str]:
    named = [cell.strip().lower() for cell in cells]
    for name in named:
        if name not in COLUMNS:
            raise _unreadable(f"There is no column “{name[:40]}”. Columns are {', '.join(COLUMNS)}.")
    if len(set(named)) < len(named):
        raise _unreadable("A column is named twice.")
    for name in NEEDED:
        if name not in named:
            raise _unreadable(f"The column {name} is missing.")
    return named


def _line(number: int, header: Sequence[str], cells: Sequence[str], templates: Mapping[str, ClientTemplate]) -> Line:
    given = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    by_name = {each.name: each.pk for each in templates.values()}
    template = given.get("template", "")
    addresses = tuple(filter(None, map(str.strip, given.get("administrators", "").split(BETWEEN_ADDRESSES))))
    plain = {name: given.get(name, "") for name in COLUMNS if name not in ("template", "administrators")}
    wanted = Wanted(**plain, template=by_name.get(template, template), administrators=addresses)
    found = list(faults(wanted, templates))
    if len(cells) != len(header):
        found.append(FieldError("", f"The line has {len(cells)} cells, and the header names {len(header)} columns."))
    if not wanted.external_id:
        found.append(FieldError("external_id", "Each client needs one, by which a second file finds it again."))
    return Line(number, wanted, tuple(found))


def _told_apart(lines: Sequence[Line]) -> Iterator[Line]:
    first: dict[str, int] = {}
    for line in lines:
        before = first.setdefault(line.wanted.external_id, line.number)
        if before == line.number or not line.wanted.external_id:
            yield line
        else:
            fault = FieldError("external_id", f"Line {before} has it too.")
            yield Line(line.number, line.wanted, (*line.faults, fault))


def _unreadable(message: str) -> Invalid:
    return Invalid(f"{message} Nothing was made.", field="csv")

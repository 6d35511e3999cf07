"""Rows of CSV files that people open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet would run."""


def csv_row(cells: Iterable[object]) -> str:
    """One line of a file, its end included."""
    text = io.StringIO()
    csv.writer(text).writerow([_harmless(str(cell)) for cell in cells])
    return text.getvalue()


def _harmless(cell: str) -> str:
    """The attack: a name such as `=HYPERLINK(…)` that a spreadsheet runs when an administrator opens the file."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell

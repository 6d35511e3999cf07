"""Reports as files: CSV for spreadsheets, PDF for people."""

import io
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from django.conf import settings
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from controlplane.csv_rows import csv_row
from fleet.reports.making import Figures
from fleet.reports.parts import Cell

FONTS = Path(__file__).parent / "fonts"
NOT_KNOWN = "not known"
INK, MUTED, LINE, HEAD = (colors.HexColor(each) for each in ("#16211f", "#55625f", "#d5dcda", "#f1f5f4"))
MARGIN = 18 * mm
PADDING = 6
"""Points that a page's frame leaves around what flows in it."""


def said(cell: Cell) -> str:
    """A cell as people read it."""
    if isinstance(cell, float):
        return f"{cell:,.3f}".rstrip("0").rstrip(".")
    return NOT_KNOWN if cell is None else str(cell)


def readable(figures: Figures) -> Figures:
    """Figures whose cells are text as people read it."""
    return {**figures, "clients": [_readable_client(each) for each in figures["clients"]]}


def title_of(figures: Figures, name: str) -> str:
    """'Monthly report, 2026-11-01 to 2026-12-01'."""
    return f"{name}, {figures['from'][:10]} to {figures['to'][:10]}"


def as_csv(figures: Figures, name: str) -> bytes:
    """One file of all tables: each row names its client and table, since tables have columns of their own."""
    return "".join(map(csv_row, _csv_lines(figures, name))).encode("utf-8-sig")


def as_pdf(figures: Figures, name: str) -> bytes:
    """A document with its title, author and language set, and the MSP's name at the head of each page."""
    _register_fonts()
    written, title = io.BytesIO(), title_of(figures, name)
    document = SimpleDocTemplate(
        written,
        pagesize=A4,
        title=title,
        author=figures["of"]["name"],
        subject=f"Report of {figures['of']['name']}",
        creator=settings.BRAND,
        lang="en",
        displayDocTitle=True,
        topMargin=26 * mm,
        bottomMargin=MARGIN,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
    )

    def frame(canvas: Canvas, page: SimpleDocTemplate) -> None:
        _head_and_foot(canvas, figures["of"]["name"], title)

    document.build(list(_story(figures, title, document.width - 2 * PADDING)), onFirstPage=frame, onLaterPages=frame)
    return written.getvalue()


FORMS: Mapping[str, tuple[str, Callable[[Figures, str], bytes]]] = {
    "pdf": ("application/pdf", as_pdf),
    "csv": ("text/csv; charset=utf-8", as_csv),
}
"""Form of a file → its media type, and how it is made."""


def _readable_client(client: Figures) -> Figures:
    tables = [{**table, "rows": [list(map(said, row)) for row in table["rows"]]} for table in client["tables"]]
    return {**client, "tables": tables}


def _csv_lines(figures: Figures, name: str) -> Iterator[list[str]]:
    yield ["Report", name]
    yield ["Of", figures["of"]["name"]]
    yield ["From", figures["from"], "to", figures["to"], figures["time_zone"]]
    yield ["Made", figures["made_at"]]
    for client in figures["clients"]:
        for table in client["tables"]:
            yield []
            yield ["Client", "Table", *table["columns"]]
            yield from ([client["name"], table["title"], *map(said, row)] for row in table["rows"])
            if not table["rows"]:
                yield [client["name"], table["title"], "nothing"]


@cache
def _register_fonts() -> None:
    """Fonts of our own: those that every reader has know no Polish names. Registered once a process."""
    for name, file in (("Inter", "inter-regular.ttf"), ("Inter-Bold", "inter-bold.ttf")):
        pdfmetrics.registerFont(TTFont(name, FONTS / file))


def _style(size: float, **more: object) -> ParagraphStyle:
    return ParagraphStyle("s", fontName="Inter", fontSize=size, leading=size * 1.45, textColor=INK, **more)


def _story(figures: Figures, title: str, width: float) -> Iterator[Flowable]:
    bold = {"spaceBefore": 4 * mm, "spaceAfter": 2 * mm}
    under = {"spaceBefore": 3 * mm, "spaceAfter": 1.5 * mm, "keepWithNext": True}
    yield Paragraph(_bold(title), _style(17, spaceAfter=2 * mm))
    yield Paragraph(escape(_about(figures)), _style(9, spaceAfter=3 * mm))
    for client in figures["clients"]:
        yield Paragraph(_bold(client["name"]), _style(13, **bold))
        for table in client["tables"]:
            yield Paragraph(_bold(table["title"]), _style(10, **under))
            if table["rows"]:
                yield _table(table["columns"], table["rows"], width)
            else:
                yield Paragraph("Nothing in this time.", _style(9))
            if table["note"]:
                yield Spacer(1, 1.5 * mm)
                yield Paragraph(escape(table["note"]), ParagraphStyle("n", _style(8), textColor=MUTED))


def _about(figures: Figures) -> str:
    left_out = figures["left_out"]
    missing = f" {left_out} of the clients named could not be seen any more and are left out." if left_out else ""
    return (
        f"Made {figures['made_at'].replace('T', ' ')} from the portal's rows. Times of the span are of"
        f" {figures['time_zone']}; what is not known is said so.{missing}"
    )


def _bold(text: str) -> str:
    return f'<font name="Inter-Bold">{escape(text)}</font>'


def _table(columns: list[str], rows: list[list[Cell]], width: float) -> LongTable:
    cells = [[Paragraph(_bold(each), _style(8)) for each in columns]]
    cells += [[Paragraph(escape(said(cell)), _style(8)) for cell in row] for row in rows]
    # The first column holds names, which are long.
    shares = [2.0, *[1.0] * (len(columns) - 1)]
    table = LongTable(cells, colWidths=[width * share / sum(shares) for share in shares], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), HEAD),
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 4),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return table


def _head_and_foot(canvas: Canvas, of: str, title: str) -> None:
    width, height = A4
    canvas.saveState()
    canvas.setFont("Inter-Bold", 9)
    canvas.setFillColor(INK)
    canvas.drawString(MARGIN, height - 14 * mm, of)
    canvas.setFont("Inter", 8)
    canvas.setFillColor(MUTED)
    canvas.drawRightString(width - MARGIN, height - 14 * mm, title[:90])
    canvas.drawRightString(width - MARGIN, 10 * mm, f"Page {canvas.getPageNumber()}")
    canvas.restoreState()

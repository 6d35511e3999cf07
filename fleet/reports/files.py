"""Reports as files: CSV for spreadsheets, PDF for people."""

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

from django.conf import settings
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from controlplane.csv_rows import csv_row
from fleet.reports.making import MOST_ROWS, Figures
from fleet.reports.parts import Cell
from organizations.branding.queries import Printed

FONTS = Path(__file__).parent / "fonts"
NOT_KNOWN = "not known"
INK_WRITTEN = "#16211f"
INK, MUTED, LINE, HEAD = (colors.HexColor(each) for each in (INK_WRITTEN, "#55625f", "#d5dcda", "#f1f5f4"))
MARGIN = 18 * mm
PADDING = 6
"""Points that a page's frame leaves around what flows in it."""


def said(cell: Cell) -> str:
    """A cell as people read it."""
    if isinstance(cell, float):
        return f"{cell:,.3f}".rstrip("0").rstrip(".")
    return NOT_KNOWN if cell is None else str(cell)


def readable(figures: Figures) -> Figures:
    """Figures whose cells are text below its column, with what is to be said about them and each table."""
    return {**figures, "about": about(figures), "clients": [_readable_client(each) for each in figures["clients"]]}


def about(figures: Figures) -> str:
    """The time that figures tell of and when they were made, in the report's zone, and what they lack."""
    begins, ends, made = (_local(figures[name]) for name in ("from", "to", "made_at"))
    left_out = figures["left_out"]
    missing = f" {left_out} of the clients named could not be seen any more and are left out." if left_out else ""
    return (
        f"{begins} to {ends}, made {made} from the portal's rows. Times are of {figures['time_zone']};"
        f" what is not known is said so.{missing}"
    )


def remark(table: Figures) -> str:
    """What stands in place of a table's rows, or after them; empty for a whole table."""
    if table["hidden"]:
        return str(table["hidden"])
    if table["left_out"]:
        return f"{table['left_out']:,} more rows are left out: of one client {MOST_ROWS} of a table are kept."
    return "" if table["rows"] else "Nothing in this time."


def file_name(title: str, form: str) -> str:
    """'Monthly report, 2026-11-01 to 2026-12-01.pdf': nothing in it that a file system or a header takes amiss."""
    return f"{re.sub(r'[^\w ,.()-]+', '-', title)}.{form}"


def as_csv(figures: Figures, title: str, brand: Printed | None = None) -> bytes:
    """One file of all tables: each row names its client and table, since tables have columns of their own."""
    return "".join(map(csv_row, _csv_lines(figures, title))).encode("utf-8-sig")


def as_pdf(figures: Figures, title: str, brand: Printed | None = None) -> bytes:
    """A document with its title, author and language set, and the MSP's brand, else its name, at each page's head."""
    _register_fonts()
    written = io.BytesIO()
    document = SimpleDocTemplate(
        written,
        pagesize=A4,
        title=title,
        author=figures["of"]["name"],
        subject=f"Report of {figures['of']['name']}",
        creator=brand.name if brand else settings.BRAND,
        lang="en",
        displayDocTitle=True,
        topMargin=26 * mm,
        bottomMargin=MARGIN,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
    )

    def frame(canvas: Canvas, page: SimpleDocTemplate) -> None:
        _head_and_foot(canvas, title, brand or Printed(figures["of"]["name"], INK_WRITTEN, b""))

    document.build(list(_story(figures, title, document.width - 2 * PADDING)), onFirstPage=frame, onLaterPages=frame)
    return written.getvalue()


FORMS: Mapping[str, tuple[str, Callable[[Figures, str, Printed | None], bytes]]] = {
    "pdf": ("application/pdf", as_pdf),
    "csv": ("text/csv; charset=utf-8", as_csv),
}
"""Form of a file → its media type, and how it is made."""


def _readable_client(client: Figures) -> Figures:
    tables = [
        {**table, "rows": [_cells(table["columns"], row) for row in table["rows"]], "remark": remark(table)}
        for table in client["tables"]
    ]
    return {**client, "tables": tables}


def _cells(columns: list[str], row: list[Cell]) -> list[dict[str, str]]:
    return [{"column": column, "text": said(cell)} for column, cell in zip(columns, row, strict=True)]


def _csv_lines(figures: Figures, title: str) -> Iterator[list[str]]:
    yield ["Report", title]
    yield ["Of", figures["of"]["name"]]
    yield ["From", figures["from"], "to", figures["to"], figures["time_zone"]]
    yield ["Made", figures["made_at"]]
    for client in figures["clients"]:
        for table in client["tables"]:
            yield []
            yield ["Client", "Table", *table["columns"]]
            yield from ([client["name"], table["title"], *map(said, row)] for row in table["rows"])
            if said_of_it := remark(table):
                yield [client["name"], table["title"], said_of_it]


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
    yield Paragraph(escape(about(figures)), _style(9, spaceAfter=3 * mm))
    for client in figures["clients"]:
        yield Paragraph(_bold(client["name"]), _style(13, **bold))
        for table in client["tables"]:
            yield Paragraph(_bold(table["title"]), _style(10, **under))
            if table["rows"]:
                yield _table(table["columns"], table["rows"], width)
            if said_of_it := remark(table):
                yield Paragraph(escape(said_of_it), _style(9))
            if table["note"]:
                yield Spacer(1, 1.5 * mm)
                yield Paragraph(escape(table["note"]), ParagraphStyle("n", _style(8), textColor=MUTED))


def _local(moment: str) -> str:
    return f"{dt.datetime.fromisoformat(moment):%-d %b %Y, %H:%M}"


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


def _head_and_foot(canvas: Canvas, title: str, brand: Printed) -> None:
    width, height = A4
    canvas.saveState()
    if brand.logo:
        _draw_logo(canvas, ImageReader(io.BytesIO(brand.logo)), height - 17 * mm)
    else:
        canvas.setFont("Inter-Bold", 9)
        canvas.setFillColor(colors.HexColor(brand.accent))
        canvas.drawString(MARGIN, height - 14 * mm, brand.name)
    canvas.setFont("Inter", 8)
    canvas.setFillColor(MUTED)
    canvas.drawRightString(width - MARGIN, height - 14 * mm, title[:90])
    canvas.drawRightString(width - MARGIN, 10 * mm, f"Page {canvas.getPageNumber()}")
    canvas.restoreState()


def _draw_logo(canvas: Canvas, picture: ImageReader, bottom: float) -> None:
    """In its own proportions, as high as the space above the title allows."""
    width, height = picture.getSize()
    scale = min(8 * mm / height, 60 * mm / width)
    canvas.drawImage(picture, MARGIN, bottom, width * scale, height * scale, mask="auto")

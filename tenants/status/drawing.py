"""Ninety days as a row of strokes: an SVG that needs no script and says in words what it shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.marks import TONE_TEXT
from tenants.status.marks import state_of

STEP, WIDTH, HEIGHT = 6, 4, 28
ROW = (
    '<svg class="block h-7 w-full" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}"'
    ' fill="currentColor">{}</svg>'
)
STROKE = '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1"><title>{}</title></rect>'
TROUBLE = ("down", "degraded")


def row_of_days(days: Sequence[Mapping[str, Any]], up: float | None) -> SafeString:
    """The row, the oldest day first. Days of which nothing is known are short and pale."""
    strokes = format_html_join("", STROKE, map(_stroke, range(len(days)), days))
    return format_html(ROW, STEP * len(days) - (STEP - WIDTH), HEIGHT, words_of(days, up), strokes)


def words_of(days: Sequence[Mapping[str, Any]], up: float | None) -> str:
    """'90 days: up for 99.98 % of the time that is known; trouble on 2 days, no data on 30.'"""
    bad = sum(day["state"] in TROUBLE for day in days)
    unknown = sum(day["state"] == "unknown" for day in days)
    share = f"up for {up:g} % of the time that is known" if up is not None else "nothing is known"
    return f"{len(days)} days: {share}; trouble on {bad}, no data on {unknown}."


def _stroke(place: int, day: Mapping[str, Any]) -> tuple[str, int, int, int, int, str]:
    look, date = state_of(day["state"]), day["date"]
    height = HEIGHT // 3 if day["state"] == "unknown" else HEIGHT
    said = date if isinstance(date, str) else date.strftime("%-d %b %Y")
    return TONE_TEXT[look.tone], place * STEP, HEIGHT - height, WIDTH, height, f"{said}: {look.word.lower()}"

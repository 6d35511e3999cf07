"""The few words of the portal's visual language that templates cannot say themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django import template
from django.conf import settings
from django.forms import BaseForm, BoundField
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from controlplane.marks import TONE_CLASSES, TONE_TEXT, UNKNOWN, Mark

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86400
UNITS = ((DAY, "day"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))
NOTHING = mark_safe('<span class="text-muted">–</span>')
NEVER = mark_safe('<span class="text-muted">never</span>')


@register.simple_tag
def brand_name() -> str:
    """The product's name, also on pages that have no context."""
    return settings.BRAND


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """One icon of the sprite; hidden from screen readers, unless it has a label."""
    svg = format_html(
        '<svg class="i {}" aria-hidden="true"><use href="{}#{}"/></svg>', css, static("portal/icons.svg"), name
    )
    return format_html('{}<span class="sr-only">{}</span>', svg, label) if label else svg


@register.simple_tag
def mark(state: Mark | None, fill: bool = False) -> SafeString:
    """A state as icon and word; `fill` is for page titles only."""
    shown = state or UNKNOWN
    css = TONE_CLASSES[shown.tone] + (" st-fill" if fill else "")
    return format_html('<span class="{}">{}{}</span>', css, icon(shown.icon), shown.word)


@register.simple_tag
def mark_icon(state: Mark | None, css: str = "") -> SafeString:
    """A state's icon alone, with its word for screen readers."""
    shown = state or UNKNOWN
    return format_html('<span class="{}">{}</span>', TONE_TEXT[shown.tone], icon(shown.icon, css, label=shown.word))


@register.filter
def short(identifier: str) -> str:
    """An id shortened in the middle: 'lo7k…q3fa'; a prefix such as 'op_' stays readable."""
    return identifier if len(identifier) <= 12 else f"{identifier[:6]}…{identifier[-4:]}"


@register.filter
def thousands(number: int) -> str:
    """'5,000'."""
    return f"{number:,}"


BYTES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"), (1, "B"))


@register.filter
def measured(quantity: float | None, unit: str) -> str:
    """'1.4 GB', '12.5 h', '0.03/s', '5,000': a quantity of `bytes`, `hours`, a `rate` a second, or a `count`."""
    if quantity is None:
        return "not known"
    if unit == "bytes":
        size, name = next(((size, name) for size, name in BYTES if quantity >= size), BYTES[-1])
        return f"{_three_digits(quantity / size)} {name}"
    return _three_digits(quantity) + {"hours": " h", "rate": "/s", "count": ""}[unit]


def _three_digits(number: float) -> str:
    """No more digits than a reader compares."""
    places = 0 if number >= 100 else 1 if number >= 10 else 2
    text = f"{number:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def initials(name: str) -> str:
    """Two letters for a monogram."""
    words = [word for word in name.replace("@", " ").split() if word[:1].isalnum()]
    letters = "".join(word[0] for word in words[:2]) or "?"
    return (letters if len(letters) > 1 else name.strip()[:2]).upper()


def span(seconds: float) -> str:
    """Length of time in its largest whole unit: '3 s', '14 min', '2 days'."""
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in UNITS if whole >= size), UNITS[-1])
    count = whole // size
    return f"{count} {unit}" + ("s" if unit == "day" and count != 1 else "")


def rounded(seconds: float) -> float:
    """To the nearest whole of the unit it is said in: a token made for 30 days a minute ago ends 'in 30 days'."""
    size = next((size for size, _ in UNITS if seconds >= size), 1)
    return float((seconds + size / 2) // size * size)


def clock(seconds: float) -> str:
    """mm:ss, with hours before it from one hour on."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def _moment(value: datetime | str | None) -> datetime | None:
    moment = datetime.fromisoformat(value) if isinstance(value, str) and value else value
    return moment if isinstance(moment, datetime) else None


def _time(moment: datetime, words: str, kind: str = "", css: str = "") -> SafeString:
    utc = moment.astimezone(UTC)
    live = format_html(" data-{}", kind) if kind else ""
    return format_html(
        '<time datetime="{}" title="{} UTC" class="{}"{}>{}</time>',
        utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        css,
        live,
        words,
    )


@register.filter
def ago(value: datetime | str | None) -> SafeString:
    """'3 min ago' with the exact time on hover; takes a datetime or an ISO text."""
    moment = _moment(value)
    if moment is None:
        return NEVER
    seconds = (timezone.now() - moment).total_seconds()
    return _time(moment, "now" if seconds < 2 else f"{span(seconds)} ago", "ago")


@register.filter
def until(value: datetime | str | None) -> SafeString:
    """'in 31 days' (to the nearest unit), 'ended' once it is past."""
    moment = _moment(value)
    if moment is None:
        return NOTHING
    seconds = (moment - timezone.now()).total_seconds()
    return _time(moment, f"in {span(rounded(seconds))}" if seconds > 0 else "ended", "until")


@register.filter
def moment(value: datetime | str | None) -> SafeString:
    """'23 Nov 2026, 14:04 UTC'."""
    at = _moment(value)
    return _time(at, at.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")) if at else NOTHING


@register.filter
def time_of_day(value: datetime | str | None) -> SafeString:
    """'14:05:03' in mono, for lists of the same day."""
    at = _moment(value)
    return _time(at, at.astimezone(UTC).strftime("%H:%M:%S"), css="id") if at else NOTHING


@register.simple_tag
def elapsed(start: datetime | str | None, end: datetime | str | None = None) -> SafeString | str:
    """mm:ss between two moments; without an end it counts up in the page."""
    began, ended = _moment(start), _moment(end)
    if began is None:
        return ""
    if ended is None:
        return _time(began, clock((timezone.now() - began).total_seconds()), "since")
    return clock((ended - began).total_seconds())


@register.filter
def field_id(form: BaseForm, name: str) -> str:
    """The id of a form's field, for the link from the summary of errors to it."""
    return form[name].id_for_label if name in form.fields else ""


@register.filter
def described(field: BoundField, css: str = "input") -> SafeString:
    """A field's control with its class, tied to its help and its errors for screen readers."""
    attributes: dict[str, Any] = {"class": css}
    notes = [f"{field.auto_id}_help"] if field.help_text else []
    if field.errors:
        notes.append(f"{field.auto_id}_err")
        attributes["aria-invalid"] = "true"
    if notes:
        attributes["aria-describedby"] = " ".join(notes)
    return field.as_widget(attrs=attributes)


@register.filter
def failures(form: BaseForm) -> Iterator[tuple[str, str, str]]:
    """(link target, label, words) of every error of a form, in the form's order."""
    for name, messages in form.errors.items():
        known = name in form.fields
        for words in messages:
            yield (
                (form[name].id_for_label or form[name].auto_id, str(form[name].label), str(words))
                if known
                else ("", "", str(words))
            )

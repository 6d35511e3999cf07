"""Values inside documents: fields by dotted path, words of a text, times."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

WORD = re.compile(r"[\w.@-]+")
DATE_MATH = re.compile(r"now(?:(?P<sign>[+-])(?P<count>\d+)(?P<unit>[smhdw]))?(?:/[smhdw])?")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

# Wazuh's template maps almost every field as a keyword, compared whole; these are texts, compared by words.
TEXT_FIELDS = {"full_log", "message", "previous_output", "rule.description"}


def values_at(document: Any, path: str) -> list[Any]:
    """All values under a dotted path; a list on the way stands for each of its items."""
    found = [document]
    for key in path.split("."):
        found = [node[key] for node in found if isinstance(node, dict) and key in node]
        found = [item for node in found for item in (node if isinstance(node, list) else [node])]
    return [value for value in found if value is not None]


def all_values(document: Any) -> Iterator[Any]:
    """Every value of a document that is neither an object nor a list."""
    if isinstance(document, dict):
        for value in document.values():
            yield from all_values(value)
    elif isinstance(document, list):
        for value in document:
            yield from all_values(value)
    elif document is not None:
        yield document


def sought_words(text: object) -> list[str]:
    """The words that a query's text asks for: lower case, compounds (addresses, host names) in one piece."""
    return [word for found in WORD.findall(str(text).lower()) if (word := found.strip(".-@"))]


def words(text: object) -> set[str]:
    """The words that a stored text can be found by: those of `sought_words`, and the parts of compounds."""
    whole = sought_words(text)
    return {word for compound in whole for word in (compound, *re.split(r"[.@-]", compound)) if word}


def as_number(value: object) -> float | None:
    """A number, or an ISO time or date mathematics ("now-24h") as seconds since 1970; None where it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    text = str(value)
    try:
        return float(text)
    except ValueError:
        return _time(text)


def _time(text: str) -> float | None:
    math = DATE_MATH.fullmatch(text)
    if math:
        delta = dt.timedelta(**{UNITS[math["unit"] or "s"]: int(math["count"] or 0)})
        return (dt.datetime.now(dt.UTC) + (-delta if math["sign"] == "-" else delta)).timestamp()
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def same(stored: object, wanted: object) -> bool:
    """Whether a stored keyword or number equals what a query asks for."""
    if isinstance(stored, bool) or isinstance(wanted, bool):
        return str(stored).lower() == str(wanted).lower()
    return str(stored) == str(wanted) or (isinstance(stored, int | float) and as_number(stored) == as_number(wanted))

"""What differs between two sets of files, and between two texts. Pure."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_LINES = 2000
"""Of one difference that is told; a larger one is cut, and says so."""

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


@dataclass(frozen=True)
class Change:
    """What becomes of one file. `diff` is unified, without the two lines that name files."""

    kind: str
    name: str
    change: str
    diff: str


def unified(before: str, after: str) -> str:
    """The difference of two texts, line by line."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *([f"… and {more} more lines"] if more > 0 else [])])


def changes(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> list[Change]:
    """What differs between files, each with kind, name and text, by kind and name."""
    old = {(each["kind"], each["name"]): each["text"] for each in before}
    new = {(each["kind"], each["name"]): each["text"] for each in after}
    return [
        Change(*key, _word(key in old, key in new), unified(old.get(key, ""), new.get(key, "")))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]


def _word(was: bool, is_: bool) -> str:
    return CHANGED if was and is_ else ADDED if is_ else REMOVED

"""What differs between two texts. Pure."""

import difflib

MOST_LINES = 2000
"""Of one difference that is told; a larger one is cut, and says so."""


def unified(before: str, after: str) -> str:
    """The difference of two texts, line by line."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *([f"… and {more} more lines"] if more > 0 else [])])

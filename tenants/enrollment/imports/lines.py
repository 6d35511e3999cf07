"""
Reads lines of a manager's client.keys: `<number> <name> <address> <key>`. Pure.

The address counts nowhere: agents come through the edge, and their manager lets them come from anywhere.
"""

import re
from dataclasses import dataclass

from controlplane.problems import Invalid

MOST_LINES = 500
LINE = re.compile(
    r"(?P<id>(?!0+ )(?:\d{3}|[1-9]\d{3,6})) +(?P<name>!?[A-Za-z0-9._-]{2,128}) +\S{1,64} +(?P<key>[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True)
class KnownAgent:
    """An agent of another manager. `key` goes to the edge and is kept nowhere here."""

    id: str
    name: str
    key: str


@dataclass(frozen=True)
class Line:
    """One line: its number in the text, and the agent or why there is none (`malformed`, `removed`)."""

    number: int
    agent: KnownAgent | None
    fault: str = ""


def read(text: str) -> list[Line]:
    """The lines of a text; empty ones and comments are passed over. Raises Invalid without any, and for too many."""
    numbered = enumerate((line.strip() for line in text.splitlines()), start=1)
    lines = [_read(number, line) for number, line in numbered if line and not line.startswith("#")]
    if not lines:
        raise Invalid("There is no line of client.keys in it. Nothing was imported.", field="client_keys")
    if len(lines) > MOST_LINES:
        raise Invalid(
            f"These are {len(lines)} lines; at most {MOST_LINES} go at once. Nothing was imported.",
            field="client_keys",
            hint="Import them in parts: what is there already is passed over.",
        )
    return lines


def _read(number: int, line: str) -> Line:
    match = LINE.fullmatch(line)
    if match is None:
        return Line(number, None, "malformed")
    if match["name"].startswith("!"):
        return Line(number, None, "removed")  # so a manager marks agents that were taken away
    return Line(number, KnownAgent(match["id"], match["name"], match["key"]))

"""Tells what was recorded without what is new each time (ids, times, digests), and without what is secret or long."""

import datetime as dt
import hashlib
import re
from itertools import count
from typing import Any

from tests.isolation.canary import CANARY
from tests.tenants import edge_life

NOW = dt.datetime(2026, 11, 26, 9, 0, tzinfo=dt.UTC)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
SECRET = re.compile(r"\b((?:enr|api|scim|code)_[a-z2-7]{20,26}_[a-z2-7]{10,20}_)\w+")
ID = re.compile(r"(?<![a-z2-7])(?:[a-z2-7]{26}|[a-z2-7]{20})(?![a-z2-7])")
SHORT_ID = re.compile(r"(?<![a-z2-7])[a-z2-7]{10}(?![a-z2-7])")
OF_TOKENS = ("id", "token")
"""Names under which an id can be as short as a word."""
SLUG = re.compile(r"(?<=-)[a-z2-7]{5}$")
DIGEST = re.compile(r"\b(?:[0-9a-f]{40}|[0-9a-f]{64})\b")
DOMAIN = re.compile(rf"\b{CANARY}\.\w{{8}}\.example")
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
LONGEST, OF_LONG, OF_A_LIST = 300, 60, 2


class Telling:
    """Gives each id and digest the next made-up one, the same in all examples; times count from one moment."""

    def __init__(self, now: dt.datetime) -> None:
        self.shift = NOW - now
        self.known: dict[str, str] = {}
        self.numbers = count(1)

    def of(self, value: Any, name: str = "") -> Any:
        """A value as it is told: lists by their first rows, long texts by their beginning. Args: name: what has it."""
        if isinstance(value, dict):
            return {self.of(each): self.of(held, each) for each, held in value.items()}
        if isinstance(value, list):
            return [self.of(each) for each in value[:OF_A_LIST]]
        return self._text(value, name) if isinstance(value, str) else value

    def _text(self, text: str, name: str) -> str:
        text = DOMAIN.sub("acme.example", text).replace(f" {CANARY}", "").replace(CANARY, "example")
        text = TIME.sub(self._time, text)
        text = DIGEST.sub(self._digest, ID.sub(self._id, SECRET.sub(r"\1…", text)))
        text = SHORT_ID.sub(self._id, text) if name in OF_TOKENS else text
        text = SLUG.sub("a2b3c", text) if name == "slug" else text
        return text if len(text) <= LONGEST else f"{text[:OF_LONG]}…"

    def _time(self, match: re.Match[str]) -> str:
        if match[0] in (edge_life.NOW, edge_life.LATER):
            return match[0]
        told = dt.datetime.fromisoformat(match[0]) + self.shift
        told += dt.timedelta(minutes=5)
        return f"{told:%Y-%m-%dT%H}:{told.minute // 10}0:00Z"

    def _id(self, match: re.Match[str]) -> str:
        return self.known.setdefault(match[0], _drawn(next(self.numbers), len(match[0])))

    def _digest(self, match: re.Match[str]) -> str:
        made = hashlib.sha256(str(next(self.numbers)).encode()).hexdigest()[: len(match[0])]
        return self.known.setdefault(match[0], made)


def _drawn(number: int, length: int) -> str:
    drawn = hashlib.sha256(str(number).encode()).digest()
    return "".join(LETTERS[byte % 32] for byte in drawn[:length])

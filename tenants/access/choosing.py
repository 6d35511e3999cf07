"""What somebody wants to see of a tenant's events, as the address of the page says it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from tenants.access.rows import HIGH_LEVEL, KINDS, MEDIUM_LEVEL

SHOWN_KINDS = tuple(kind for kind, _ in KINDS if kind)
"""What stands in the list where nothing was chosen: a manager's signs of life do not."""

LEVELS = tuple((level, f"Level {level} and up") for level in (MEDIUM_LEVEL, HIGH_LEVEL))
"""Rule levels from which Wazuh calls an alert medium, and high."""

AGENT = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True)
class Choice:
    """Events of a kind; of alerts those of at least a level, and of one agent by its number."""

    kind: str = ""
    level: int | None = None
    agent: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Choice":
        """The choice of an address. What there is not counts as not chosen; a level or an agent is about alerts."""
        kind, level, agent = (query.get(name, "") for name in ("kind", "level", "agent"))
        known = {str(number): number for number, _ in LEVELS}
        choice = cls(kind if kind in SHOWN_KINDS else "", known.get(level), agent if AGENT.fullmatch(agent) else "")
        return replace(choice, kind="alert") if choice.narrow else choice

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds to ask for."""
        return (self.kind,) if self.kind else SHOWN_KINDS

    @property
    def narrow(self) -> dict[str, Any]:
        """What the edge leaves out of the alerts, as `EventLog.read` takes it."""
        wanted = {"min_level": self.level, "agent": self.agent or None}
        return {name: value for name, value in wanted.items() if value is not None}

    @property
    def query(self) -> str:
        """The choice as an address says it, without a question mark."""
        said = {"kind": self.kind, "level": self.level, "agent": self.agent}
        return urlencode({name: value for name, value in said.items() if value})

    @property
    def chips(self) -> list[dict[str, Any]]:
        """Every kind to choose, then the levels; what is chosen is taken back by the same chip."""
        kinds = [_chip(label, Choice(kind=key), self.kind == key and not self.narrow) for key, label in KINDS]
        return [*kinds, *(self._level(level, label) for level, label in LEVELS), *self._of_agent()]

    def _level(self, level: int, label: str) -> dict[str, Any]:
        is_chosen = self.level == level
        return _chip(label, replace(self, kind="alert", level=None if is_chosen else level), is_chosen)

    def _of_agent(self) -> list[dict[str, Any]]:
        return [_chip(f"Agent {self.agent}", replace(self, agent=""), True)] if self.agent else []


def _chip(label: str, choice: Choice, is_chosen: bool) -> dict[str, Any]:
    return {"label": label, "url": f"?{choice.query}", "current": is_chosen}

"""The rule engine: which rule an event matches, if any. The rules themselves are data, in rules.toml."""

import re
import tomllib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from local.nodes.manager.decoder import Event

RULES_FILE = Path(__file__).with_name("rules.toml")
COMPLIANCE = ("gdpr", "gpg13", "hipaa", "nist_800_53", "pci_dss", "tsc")
ALERTS_FROM = 3  # level from which a rule raises an alert: `log_alert_level` of the image's settings
MAX_SOURCES = 10_000  # sources remembered by a frequency rule; the one silent longest is forgotten first


@dataclass(frozen=True)
class Rule:
    """One rule; see rules.toml for the fields."""

    id: str
    level: int
    description: str
    groups: tuple[str, ...]
    decoded_as: str | None = None
    match: re.Pattern[str] | None = None
    if_matched: str | None = None
    frequency: int = 0
    timeframe: float = 0.0
    same: str = ""
    ignore: float = 0.0
    mitre: dict[str, list[str]] = field(default_factory=dict)
    compliance: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Rule":
        known = {name: value for name, value in row.items() if name not in COMPLIANCE}
        if "match" in known:
            known["match"] = re.compile(known["match"])
        known["groups"] = tuple(known["groups"])
        return cls(**known, compliance={name: row[name] for name in COMPLIANCE if name in row})


def load_rules(file: Path = RULES_FILE) -> list[Rule]:
    with file.open("rb") as source:
        return [Rule.of(row) for row in tomllib.load(source)["rule"]]


@dataclass(frozen=True)
class Match:
    """A rule that an event matched; `previous` holds the earlier lines that a frequency rule counted."""

    rule: Rule
    fired_times: int
    previous: tuple[str, ...] = ()


class Window:
    """The recent matches that one frequency rule counts, by the value they share."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._seen: dict[tuple[str, str], deque[tuple[float, str]]] = {}
        self._fired_at: dict[tuple[str, str], float] = {}

    def take(self, agent: str, event: Event, now: float) -> tuple[str, ...] | None:
        """Counts an event of the rule it builds on; the earlier lines where it fires, else None."""
        value = event.data.get(self.rule.same)
        if value is None:
            return None
        source = (agent, value)
        if now - self._fired_at.get(source, -self.rule.ignore - 1) < self.rule.ignore:
            return None
        seen = self._remember(source, event, now)
        if len(seen) < self.rule.frequency:
            return None
        del self._seen[source]
        self._fired_at = {at: when for at, when in self._fired_at.items() if now - when < self.rule.ignore}
        self._fired_at[source] = now
        return tuple(log for _, log in list(seen)[:-1])

    def _remember(self, source: tuple[str, str], event: Event, now: float) -> deque[tuple[float, str]]:
        """The source's events within the timeframe, this one included."""
        seen = self._seen.pop(source, deque(maxlen=self.rule.frequency))
        self._seen[source] = seen  # put back last: the dictionary's order is that of the last event
        seen.append((now, event.full_log))
        while now - seen[0][0] > self.rule.timeframe:
            seen.popleft()
        if len(self._seen) > MAX_SOURCES:
            del self._seen[next(iter(self._seen))]
        return seen


class Refinement(Protocol):
    """Rules that build on what the others found."""

    def refine(self, found: Rule | None, event: Event) -> Rule | None: ...


class RuleEngine:
    """Matches events against the rules, and then those that a tenant brought; `clock` gives seconds."""

    def __init__(self, rules: list[Rule], clock: Callable[[], float], own: Refinement | None = None) -> None:
        self._own = own
        self._single = [rule for rule in rules if rule.if_matched is None]
        self._windows = [Window(rule) for rule in rules if rule.if_matched is not None]
        self._clock = clock
        self._fired: Counter[str] = Counter()

    def evaluate(self, agent: str, event: Event) -> Match | None:
        """The rule an event matches: a frequency rule that it completes, else the most exact single one, else None."""
        found = next((rule for rule in self._single if _matches(rule, event)), None)
        rule = self._own.refine(found, event) if self._own else found
        if rule is None:
            return None
        now = self._clock()
        for window in self._windows:
            if window.rule.if_matched == rule.id:
                previous = window.take(agent, event, now)
                if previous is not None:
                    return self._fire(window.rule, previous)
        return self._fire(rule)

    def _fire(self, rule: Rule, previous: tuple[str, ...] = ()) -> Match:
        self._fired[rule.id] += 1
        return Match(rule, self._fired[rule.id], previous)


def _matches(rule: Rule, event: Event) -> bool:
    if rule.decoded_as is not None and event.decoder != rule.decoded_as:
        return False
    return rule.match is None or rule.match.search(event.message) is not None

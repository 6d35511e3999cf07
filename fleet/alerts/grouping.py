"""Makes groups of alerts as they are read: the same rule at the same agent is one, however often it was told. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

RECENT = 5
"""So many of a group's newest numbers are kept, to read the alerts behind it again."""

MOST_NAMES, LONGEST_NAME = 16, 64


@dataclass
class Group:
    """Alerts of one tenant that are the same. `level` is the highest among them, `title` is the newest one's."""

    rule_id: str
    agent_id: str
    agent_name: str
    title: str
    level: int
    first_seq: int
    last_seq: int
    first_at: dt.datetime
    last_at: dt.datetime
    groups: list[str] = field(default_factory=list)
    techniques: list[str] = field(default_factory=list)
    tactics: list[str] = field(default_factory=list)
    recent: list[int] = field(default_factory=list)
    count: int = 1

    @property
    def key(self) -> str:
        """What is the same in all of them."""
        return f"{self.rule_id}:{self.agent_id}"

    def take(self, later: "Group") -> None:
        """Take in a group of what came later."""
        self.count += later.count
        self.level = max(self.level, later.level)
        self.recent = [*self.recent, *later.recent][-RECENT:]
        for name in ("agent_name", "title", "groups", "techniques", "tactics", "last_seq", "last_at"):
            setattr(self, name, getattr(later, name))


def fold(groups: dict[str, Group], events: Iterable[Mapping[str, Any]]) -> int:
    """
    Take events of the stream, in their order, into groups by key; how many were alerts that can be read.

    What has another form than the edge promises is left out: a manager that was broken into may say anything.
    """
    taken = 0
    for event in events:
        found = _group(event)
        if found is None:
            continue
        taken += 1
        known = groups.get(found.key)
        if known is None:
            groups[found.key] = found
        else:
            known.take(found)
    return taken


def _group(event: Mapping[str, Any]) -> Group | None:
    try:
        data, seq, at = event["data"], int(event["seq"]), dt.datetime.fromisoformat(event["at"])
        rule, agent = data["rule"], data["agent"]
        rule_id, level = _text(rule["id"], 128), int(rule["level"])
        agent_id, agent_name = _text(agent["id"], 128), _text(agent["name"], 128)
        title = _text(rule["description"], 300) or f"Rule {rule_id}"
        mitre = rule.get("mitre") or {}
        groups, techniques, tactics = rule.get("groups"), mitre.get("id"), mitre.get("tactic")
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return Group(
        rule_id=rule_id,
        agent_id=agent_id,
        agent_name=agent_name,
        title=title,
        level=level,
        first_seq=seq,
        last_seq=seq,
        first_at=at,
        last_at=at,
        recent=[seq],
        groups=_names(groups),
        techniques=_names(techniques),
        tactics=_names(tactics),
    )


def _text(value: Any, longest: int) -> str:
    """Without the character that no database text holds."""
    if not isinstance(value, str):
        raise ValueError("no text")
    return value.replace("\0", "")[:longest]


def _names(value: Any) -> list[str]:
    """The first of a list's names, each cut short; what is no text is left out."""
    if not isinstance(value, list):
        return []
    return [_text(each, LONGEST_NAME) for each in value[:MOST_NAMES] if isinstance(each, str) and each]

"""Entries of an audit trail, ready to be read."""

from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.models import AuditEntry
from organizations.trail.people import Names
from organizations.trail.words import action_words, details

SYSTEM = "The system"
CHANGED = frozenset({"before", "after"})


def entry_row(entry: AuditEntry, names: Names) -> dict[str, Any]:
    """One line of the list."""
    return {
        "id": entry.pk,
        "at": entry.created_at,
        "who": who(entry.actor, names),
        "through": ", ".join(through(entry.actor, names)),
        "words": action_words(entry.action, refused=entry.refused),
        "refused": entry.refused,
        "target": entry.target,
        "details": details(entry.data),
        "address": entry.actor.get("address", ""),
        "number": entry.position,
    }


def entry_facts(entry: AuditEntry, names: Names) -> dict[str, Any]:
    """Everything about one entry, in groups of (label, value, search parameter or empty)."""
    return {
        **entry_row(entry, names),
        "action": entry.action,
        "people": [fact for fact in _people(entry.actor, names) if fact[1]],
        "changed": _changed(entry.data),
        "data": list(_flat({name: value for name, value in entry.data.items() if name not in CHANGED})),
        "previous": entry.previous,
        "hash": entry.mac,
    }


def who(actor: Mapping[str, Any], names: Names) -> str:
    """Who acted, by name where one is known."""
    user = actor.get("user", "")
    return names.people.get(user, (user, ""))[0] or SYSTEM


def through(actor: Mapping[str, Any], names: Names) -> list[str]:
    """By which key, for which MSP, and why."""
    key, grant = actor.get("key"), actor.get("grant")
    said = [f"with API key {names.keys.get(key, key)}"] if key else []
    said += [f"for {names.msps[grant][1]}" if grant in names.msps else "as the MSP"] if grant else []
    return said + ([actor["reason"]] if actor.get("reason") else [])


def _people(actor: Mapping[str, Any], names: Names) -> Iterator[tuple[str, str, str]]:
    user, key, grant = (actor.get(name, "") for name in ("user", "key", "grant"))
    name, email = names.people.get(user, ("", ""))
    msp, msp_name = names.msps.get(grant, ("", ""))
    yield "Kind", actor.get("kind", "").replace("_", " "), ""
    yield "Person", name, ""
    yield "E-mail", email, ""
    yield "Person's id", user, "who"
    yield "API key", names.keys.get(key, ""), ""
    yield "Key's id", key, "who"
    yield "Acted for", msp_name, ""
    yield "MSP's id", msp, ""
    yield "Under grant", grant, "who"
    yield "Session", actor.get("session", ""), ""
    yield "Network address", actor.get("address", ""), ""
    yield "Request", actor.get("request", ""), "request"
    yield "Why", actor.get("reason", ""), ""


def _changed(data: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, before, after) for each part of a change that differs."""
    if not set(data) >= CHANGED:
        return []
    before, after = data["before"], data["after"]
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return [("", _shown(before), _shown(after))]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [(name.replace("_", " "), _shown(before.get(name)), _shown(after.get(name))) for name in names]


def _flat(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        words = f"{path} {name.replace('_', ' ')}".strip()
        if isinstance(value, Mapping) and value:
            yield from _flat(value, words)
        else:
            yield words, _shown(value)


def _shown(value: Any) -> str:
    """A value in full: unlike in the list, ids stay whole."""
    if value in (None, "", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)

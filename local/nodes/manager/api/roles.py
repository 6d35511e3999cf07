"""Who may do what by the API: its roles, and the rules that lead from an authorization context to them.

Of the roles that come with a manager, those that the platform ties to its own. Each permits calls by method and path;
the real ones do so by action and resource.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIRST_RULE = 100  # the numbers below are those of the rules that come with a manager


@dataclass(frozen=True)
class Role:
    """What a role permits: any method in `methods` on a path that begins with one of `paths`."""

    name: str
    methods: re.Pattern[str]
    paths: tuple[str, ...] = ("/",)

    def permits(self, method: str, path: str) -> bool:
        return bool(self.methods.fullmatch(method)) and path.startswith(self.paths)


ADMINISTRATOR, READONLY, AGENTS_ADMIN = 1, 2, 5
ROLES = {
    ADMINISTRATOR: Role("administrator", re.compile(r"\w+")),
    READONLY: Role("readonly", re.compile("GET")),
    AGENTS_ADMIN: Role("agents_admin", re.compile(r"\w+"), ("/agents", "/groups")),
}

# As `images/manager/report/api.py` ties them at each start: the role the edge names -> roles of the API.
TIED = {
    "tenant_admin": (ADMINISTRATOR,),
    "tenant_operator": (AGENTS_ADMIN, READONLY),
    "tenant_readonly": (READONLY,),
}


def permitted(roles: Iterable[int], method: str, path: str) -> bool:
    """Whether one of the roles permits a call."""
    return any(ROLES[role].permits(method, path) for role in roles if role in ROLES)


class RuleBook:
    """The rules that were given, on the disk, each with the roles that it leads to."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.rules: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
        for name, roles in TIED.items():
            rule = self._named(name) or self.add(name, {"FIND": {"backend_roles": name}})
            for role in roles:
                self.tie(rule["id"] if rule else 0, role)

    def add(self, name: str, rule: dict[str, Any]) -> dict[str, Any] | None:
        """The new entry; None where the name or the rule is there already."""
        if any(entry["name"] == name or entry["rule"] == rule for entry in self.rules):
            return None
        entry = {"id": FIRST_RULE + len(self.rules), "name": name, "rule": rule, "roles": []}
        self.rules.append(entry)
        self._write()
        return entry

    def tie(self, rule: int, role: int) -> bool:
        """Have whoever meets a rule get a role; again changes nothing. False where there is no such rule or role."""
        entry = next((entry for entry in self.rules if entry["id"] == rule), None)
        if entry is None or role not in ROLES:
            return False
        if role not in entry["roles"]:
            entry["roles"].append(role)
            self._write()
        return True

    def roles_of(self, context: dict[str, Any]) -> list[int]:
        """The roles of a context: those of all rules that it meets."""
        met = (entry["roles"] for entry in self.rules if _meets(entry["rule"], context))
        return sorted({role for roles in met for role in roles})

    def _named(self, name: str) -> dict[str, Any] | None:
        return next((entry for entry in self.rules if entry["name"] == name), None)

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self.rules))
        fresh.replace(self._file)


def _meets(rule: dict[str, Any], context: dict[str, Any]) -> bool:
    """Of the operators only FIND, of plain texts: each is the context's value of that name, or one of several."""
    wanted = rule.get("FIND")
    if not isinstance(wanted, dict) or not wanted:
        return False
    return all(_holds(context.get(name), value) for name, value in wanted.items())


def _holds(found: Any, wanted: Any) -> bool:
    return wanted in found if isinstance(found, list) else bool(found) and found == wanted

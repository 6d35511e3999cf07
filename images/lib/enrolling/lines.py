"""The protocol's line and its answers, as wazuh-authd has them (4.x): one line in, one answer without an end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Optional

LINE = re.compile(
    r"(?:OSSEC PASS: (?P<password>\S+) )?OSSEC A:'(?P<name>[^']*)'"
    r"(?: V:'(?P<version>[^']*)')?(?: G:'(?P<groups>[^']*)')?(?: IP:'(?P<ip>[^']*)')?(?: K:'(?P<hash>[^']*)')?"
)
NAME = re.compile(r"[A-Za-z0-9._-]{2,128}")
VERSION = re.compile(r"[A-Za-z0-9._-]{1,32}")
LONGEST_GROUP = 128

ASKED_WRONGLY = "ERROR: Invalid request for new agent"
NOT_ADDED = "ERROR: {}. Unable to add agent"
# The edge's codes in the daemon's words. It knows passwords where the edge knows tokens.
REFUSALS = {
    "TOKEN_UNKNOWN": "ERROR: Invalid password",
    "TOKEN_EXPIRED": "ERROR: Invalid password",
    "TOKEN_USED_UP": "ERROR: Invalid password",
    "TOKEN_REVOKED": "ERROR: Invalid password",
    "AGENT_QUARANTINED": "ERROR: Invalid password",
    "AGENT_NAME_TAKEN": NOT_ADDED.format("Duplicate agent name: {name}"),
    "ENROLLMENT_CONFLICT": NOT_ADDED.format("Duplicate agent name: {name}"),
    "TOKEN_NOT_FOR_NAME": NOT_ADDED.format("Invalid agent name: {name}"),
    "AGENT_LIMIT_REACHED": NOT_ADDED.format("Maximum number of agents reached"),
    "INVALID_REQUEST": NOT_ADDED.format("Invalid group: {groups}"),
}
FAILED = NOT_ADDED.format("Internal manager error")

# What a line asks for → the edge's answer: a status and JSON. Raises OSError or ValueError where there is none.
Ask = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


def answer_to(line: str, ask: Ask) -> str:
    """
    The answer to one line, with which the connection ends.

    A password is passed over: whoever got here has shown a token. So are the address, which is a proxy's, and the sum
    of a former key: an agent that has one is not to enroll again.
    """
    read = LINE.fullmatch(line)
    if read is None:
        return ASKED_WRONGLY
    name, version, groups = read["name"], read["version"], read["groups"] or ""
    if not NAME.fullmatch(name):
        return NOT_ADDED.format(f"Invalid agent name: {name}")
    wanted = wanted_groups(groups)
    if wanted is None:
        return NOT_ADDED.format(f"Invalid group: {groups}")
    if version and not VERSION.fullmatch(version):
        return ASKED_WRONGLY
    asked = {"name": name, "groups": wanted, **({"version": version} if version else {})}
    try:
        status, told = ask(asked)
        if status == 200:
            return f"OSSEC K:'{told['agent_id']} {told['name']} any {told['key']}'"
        return REFUSALS.get(told["code"], FAILED).format(name=name, groups=groups)
    except (OSError, ValueError, KeyError):
        return FAILED


def wanted_groups(text: str) -> Optional[list[str]]:  # noqa: UP045 - no such operator between types before Python 3.10
    """The groups of `G:'a,b'`; None where one can't be any."""
    groups = [group for group in text.split(",") if group]
    return groups if all(len(group) <= LONGEST_GROUP for group in groups) and len(groups) <= LONGEST_GROUP else None

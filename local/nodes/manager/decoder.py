"""Decoding of a log line: syslog's own head first, then what sshd says."""

import re
from dataclasses import dataclass, field

SYSLOG = re.compile(
    r"^(?:<\d{1,3}>)?(?P<timestamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) "
    r"(?P<hostname>\S+) (?P<program_name>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: (?P<message>.*)$",
    re.DOTALL,
)


SSHD = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(?:Failed|Accepted) \S+ for (?:invalid user |illegal user )?(?P<srcuser>\S*) "
        r"from (?P<srcip>\S+)(?: port (?P<srcport>\d+))?",
        r"^(?:Invalid|Illegal) user (?P<srcuser>\S*) from (?P<srcip>\S+)(?: port (?P<srcport>\d+))?",
        r"^error: PAM: Authentication \S+ for (?:illegal user |invalid user )?(?P<srcuser>\S+) from (?P<srcip>\S+)",
        r"^Connection (?:closed|reset) by (?:invalid user |authenticating user )?(?:(?P<srcuser>\S+) )?"
        r"(?P<srcip>[0-9a-fA-F.:]+) port (?P<srcport>\d+)",
    )
)

# program name -> (decoder's name, forms of its messages)
DECODERS = {"sshd": ("sshd", SSHD), "sshd-session": ("sshd", SSHD)}
# the real decoder calls the account of an accepted or failed login dstuser where it exists
UNKNOWN_ACCOUNT = re.compile(r"invalid user|illegal user", re.IGNORECASE)


@dataclass(frozen=True)
class Event:
    """A decoded log line."""

    full_log: str
    location: str
    message: str
    predecoder: dict[str, str] = field(default_factory=dict)
    decoder: str | None = None
    data: dict[str, str] = field(default_factory=dict)


def decode(log: str, location: str) -> Event:
    """Decodes as far as the line is understood; what is not syslog stays one message without fields."""
    head = SYSLOG.match(log)
    if head is None:
        return Event(log, location, log)
    predecoder = {name: head[name] for name in ("program_name", "timestamp", "hostname")}
    name, patterns = DECODERS.get(head["program_name"], (None, ()))
    return Event(log, location, head["message"], predecoder, name, _fields(head["message"], patterns))


def _fields(message: str, patterns: tuple[re.Pattern[str], ...]) -> dict[str, str]:
    for pattern in patterns:
        match = pattern.match(message)
        if match is None:
            continue
        data = {name: value for name, value in match.groupdict().items() if value}
        if "srcuser" in data and not UNKNOWN_ACCOUNT.search(message):
            data["dstuser"] = data.pop("srcuser")
        return data
    return {}

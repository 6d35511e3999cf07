"""Alerts in Wazuh's JSON form, and the file they wait in until they were taken: logs/alerts/alerts.json."""

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

from local.nodes.manager.decoder import Event
from local.nodes.manager.rules import Match

DIGEST_RULE_FIELDS = ("id", "level", "description", "groups", "mitre")
DIGEST_AGENT_FIELDS = ("id", "name", "ip")
MAX_PREVIOUS_OUTPUT = 16 * 1024


def alert_of(match: Match, event: Event, *, agent: dict[str, Any], manager: str, id: str, now: float) -> dict[str, Any]:
    """One alert; `now` is seconds since 1970."""
    alert: dict[str, Any] = {
        "timestamp": _timestamp(now),
        "rule": _rule_of(match),
        "agent": agent,
        "manager": {"name": manager},
        "id": id,
        "full_log": event.full_log,
        "predecoder": event.predecoder,
        "decoder": {"parent": event.decoder, "name": event.decoder} if event.decoder else {},
        "data": event.data,
        "location": event.location,
    }
    if match.previous:
        alert["previous_output"] = "\n".join(reversed(match.previous))[:MAX_PREVIOUS_OUTPUT]
    return alert


def _rule_of(match: Match) -> dict[str, Any]:
    rule = match.rule
    return {
        "level": rule.level,
        "description": rule.description,
        "id": rule.id,
        "mitre": rule.mitre,
        "firedtimes": match.fired_times,
        "mail": False,
        "groups": list(rule.groups),
        **rule.compliance,
        **({"frequency": rule.frequency} if match.previous else {}),
    }


def _timestamp(now: float) -> str:
    return dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def digest_of(alert: dict[str, Any]) -> dict[str, Any]:
    """What of an alert the event stream gets: never the log line, never what was decoded from it."""
    return {
        "timestamp": alert["timestamp"],
        "id": alert["id"],
        "rule": {name: alert["rule"][name] for name in DIGEST_RULE_FIELDS if alert["rule"].get(name)},
        "agent": {name: alert["agent"][name] for name in DIGEST_AGENT_FIELDS if name in alert["agent"]},
        "location": alert["location"],
    }


class AlertLog:
    """An append-only file of alerts, one JSON object a line. What `append` returned for is on the disk."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._drop_torn_line()

    def _drop_torn_line(self) -> None:
        """A manager killed while it wrote may have left half a line, which nobody has seen."""
        content = self.file.read_bytes()
        os.ftruncate(self._descriptor, content.rfind(b"\n") + 1)

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def next_id(self, now: float) -> str:
        """`<epoch>.<offset>`, unique for this manager as the offset in the file is."""
        return f"{int(now)}.{self.size}"

    def append(self, alert: dict[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(alert, separators=(",", ":")).encode() + b"\n")

    def read(self, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
        """Whole lines from an offset, at most `limit` bytes (but one line at least); and the offset after them."""
        size = limit
        while True:
            block = os.pread(self._descriptor, size, offset)
            end = block.rfind(b"\n") + 1
            if end or len(block) < size:
                break
            size *= 2  # a line longer than the limit
        return [json.loads(line) for line in block[:end].splitlines()], offset + end

    def empty(self) -> None:
        """Starts the file anew; only when everyone has read all of it."""
        os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        os.close(self._descriptor)

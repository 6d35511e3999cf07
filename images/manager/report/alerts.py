"""The file of alerts, followed over its daily change, and what of each alert goes to the event stream."""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

MAX_BATCH = 500
RULE_FIELDS = ("id", "level", "description", "groups", "mitre")
AGENT_FIELDS = ("id", "name", "ip")
MITRE_FIELDS = ("id", "tactic", "technique")


def digest_of(alert: dict[str, Any]) -> dict[str, Any]:
    """Never the log line, never what was decoded from it: they stay in the tenant's own indexer."""
    rule = {name: alert["rule"][name] for name in RULE_FIELDS if alert["rule"].get(name)}
    if "mitre" in rule:
        rule["mitre"] = {name: rule["mitre"].get(name, []) for name in MITRE_FIELDS}
    agent = {name: alert["agent"][name] for name in AGENT_FIELDS if name in alert["agent"]}
    digest = {"timestamp": alert["timestamp"], "id": alert["id"], "rule": {"level": 0, **rule}, "agent": agent}
    return {**digest, "location": alert["location"]} if "location" in alert else digest


class AlertFile:
    """Reads a file line by line; a new file under the same name is begun once the old one is read to its end."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._open: BinaryIO | None = None
        self.position = 0

    def batch(self) -> list[dict[str, Any]]:
        """The next digests; none where nothing new was written to the end of a line."""
        file = self._current()
        digests: list[dict[str, Any]] = []
        while file is not None and len(digests) < MAX_BATCH:
            line = file.readline()
            if not line.endswith(b"\n"):
                file.seek(self.position)
                break
            self.position += len(line)
            digest = _read(line)
            if digest is not None:
                digests.append(digest)
        return digests

    @property
    def pending(self) -> int:
        """Bytes that were written and not read yet; a file that was begun a moment ago may count as read."""
        return max(0, self._path.stat().st_size - self.position) if self._path.exists() else 0

    def _current(self) -> BinaryIO | None:
        if self._open is not None and not self._is_read_and_replaced(self._open):
            return self._open
        if not self._path.exists():
            return self._open
        if self._open is not None:
            self._open.close()
        self._open, self.position = self._path.open("rb"), 0
        return self._open

    def _is_read_and_replaced(self, file: BinaryIO) -> bool:
        mine = os.fstat(file.fileno())
        return self._path.exists() and self._path.stat().st_ino != mine.st_ino and self.position >= mine.st_size


def _read(line: bytes) -> dict[str, Any] | None:
    """The digest of a line; None for one that is no alert, which nobody could do anything with."""
    try:
        return digest_of(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None

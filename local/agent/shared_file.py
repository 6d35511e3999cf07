"""The file that a manager shares with the agents of a group: announced with its MD5, sent in pieces, closed."""

import hashlib
import re
from xml.sax.saxutils import unescape

ANNOUNCED, CLOSED = "#!-up file ", "#!-close file"
MISSING = "x"
LABEL = re.compile(r'<label key="([^"]+)">([^<]*)</label>')


class SharedFile:
    """What an agent has of its group's file: its sum, which keepalives say, and the labels that it gives the agent."""

    def __init__(self) -> None:
        self.sum = MISSING
        self.labels: dict[str, str] = {}
        self._coming: str | None = None
        self._pieces: list[str] = []

    def take(self, message: str) -> None:
        """Looks at a message of the manager's; one that has nothing to do with the file changes nothing."""
        if message.startswith(ANNOUNCED):
            self._coming, self._pieces = message.removeprefix(ANNOUNCED).partition(" ")[0], []
        elif message.startswith(CLOSED):
            self._close()
        elif self._coming is not None:
            self._pieces.append(message)

    def _close(self) -> None:
        content = "".join(self._pieces).encode()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == self._coming:
            self.sum = self._coming
            self.labels = {key: unescape(text) for key, text in LABEL.findall(content.decode())}
        self._coming = None

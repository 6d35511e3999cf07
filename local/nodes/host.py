"""What a stand-in node is given by the container it runs in."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

SERVER_NAME = "garrison-stand-in"

# A node has no network of its own: it listens on free ports and reports {port inside the container: port taken}.
PortReport = Callable[[Mapping[int, int]], None]


@dataclass
class Host:
    """A node's view of its container: image tag, environment, disk, and the signal to stop."""

    image: str
    environment: Mapping[str, str]
    disk: Path
    report_ports: PortReport
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    output: TextIO = field(default_factory=lambda: sys.stderr)

    @property
    def version(self) -> str:
        """The Wazuh version that the image's tag names, e.g. "4.14.7"."""
        return self.image.rpartition(":")[2].partition("-")[0]

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def proxy(self) -> str | None:
        """The HTTP proxy through which the container's outgoing requests go."""
        return self.environment.get("HTTP_PROXY")

    @property
    def name(self) -> str:
        return self.environment.get("NODE_NAME", "node")

    def log(self, message: str, **facts: object) -> None:
        """Prints one JSON line to the container's log; never give it a secret."""
        print(json.dumps({"node": self.name, "message": message, **facts}), file=self.output, flush=True)


# A node's entry: runs until `host.stopping` is set or the node ends by itself; returns the exit code.
Entry = Callable[[Host], Awaitable[int]]

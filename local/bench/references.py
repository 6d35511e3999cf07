"""What the edge is held against: other people's servers, from their published wheels, each with a folder or port."""

import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from local.bench.process import Process, listens
from local.stack.ports import free

BIN = Path(sys.executable).parent
NATS = 'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{store}"{sync} }}\n'


@dataclass
class References:
    """Starts what is asked for, once.

    Args:
        root: the folder of their data and logs.
    """

    root: Path
    processes: list[Process] = field(default_factory=list)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.end()

    @cached_property
    def websocat(self) -> int:
        """The port of websocat, which joins WebSockets to the peer."""
        (port,) = free(1)
        argv = [str(BIN / "websocat"), "-bE", f"ws-l:127.0.0.1:{port}", f"tcp:127.0.0.1:{self._peer}"]
        return self._run(argv, "websocat", port)

    @cached_property
    def websockify(self) -> int:
        """The port of websockify, which does the same."""
        (port,) = free(1)
        argv = [str(BIN / "websockify"), f"127.0.0.1:{port}", f"127.0.0.1:{self._peer}"]
        return self._run(argv, "websockify", port)

    @cached_property
    def nats(self) -> int:
        """The port of a NATS server as it comes: JetStream acknowledges what is not yet on disk."""
        return self._nats("nats", "")

    @cached_property
    def nats_sync(self) -> int:
        """The port of a NATS server that acknowledges what is on disk."""
        return self._nats("nats-sync", ", sync_interval: always")

    @cached_property
    def _peer(self) -> int:
        (port,) = free(1)
        argv = [sys.executable, "-m", "local.bench.peer", "--port", str(port)]
        return self._run(argv, "peer", port)

    def _nats(self, name: str, sync: str) -> int:
        (port,) = free(1)
        configuration = self.root / f"{name}.conf"
        configuration.write_text(NATS.format(port=port, store=self.root / name, sync=sync))
        return self._run([str(BIN / "nats-server"), "-c", str(configuration)], name, port)

    def _run(self, argv: list[str], name: str, port: int) -> int:
        self.processes.append(Process(argv, self.root / f"{name}.log", listens(port)))
        return port

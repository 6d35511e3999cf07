"""`python -m local.docker.node REFERENCE`: the first process of a container that plays a node."""

import asyncio
import os
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from pathlib import Path

from local.engine.images import find_image
from local.engine.zygote import load_entry
from local.nodes.host import Host
from local.web.server import Listener, Serve
from local.web.streams import pump

DISK = Path("/node")


async def run(reference: str) -> int:
    """Plays the node until SIGTERM or until it ends by itself; its exit code."""
    image = find_image(reference)
    if image is None or image.entry is None:
        raise SystemExit(f"no stand-in node plays {reference}")
    doors = Doors()
    host = Host(reference, os.environ, DISK, doors.open)
    # A process with number 1 ignores the signal unless it handles it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, host.stopping.set)
    try:
        return await load_entry(image.entry)(host)
    finally:
        await doors.close()


class Doors:
    """The ports of the container: stand-in nodes listen on free ones, which these lead to."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._opening: set[asyncio.Task[int]] = set()

    def open(self, ports: Mapping[int, int]) -> None:
        for inside, taken in ports.items():
            listener = Listener()
            self._listeners.append(listener)
            task = asyncio.ensure_future(listener.open(self._to(taken), port=inside))
            self._opening.add(task)
            task.add_done_callback(_must_have_opened)
            task.add_done_callback(self._opening.discard)

    async def close(self) -> None:
        for listener in self._listeners:
            await listener.close()

    @staticmethod
    def _to(taken: int) -> Serve:
        async def serve(reader: StreamReader, writer: StreamWriter) -> None:
            await pump(reader, writer, *await asyncio.open_connection("127.0.0.1", taken))

        return serve


def _must_have_opened(task: "asyncio.Task[int]") -> None:
    """A node without its port is of no use: better a container that ends than one that waits for ever."""
    if not task.cancelled() and task.exception():
        print(f"a port of the container is taken: {task.exception()}", file=sys.stderr, flush=True)
        os._exit(1)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(run(sys.argv[1])))

"""`python -m local.bench.engine --socket PATH --root DIR`: the stand-in engine, with a peer at managers' agent ports.

The stand-in's own way to a node's port is two streams joined in Python, which would be what is measured. Here the
connection that the runtime dials is handed to the peer itself, as a container on the runtime's own network would be.
"""

import os
import socket
from asyncio import StreamReader, StreamWriter

from local.bench import peer
from local.engine.__main__ import main
from local.engine.heads import Head
from local.engine.ingress import Sidecar

AGENT_PORT = "1514"


class PeeredSidecar(Sidecar):
    """A sidecar at whose agent port nobody but the peer listens."""

    async def _connect(self, head: Head, reader: StreamReader, writer: StreamWriter) -> None:
        if (head.get("x-dst-addr") or head.target).rpartition(":")[2] != AGENT_PORT:
            await super()._connect(head, reader, writer)
            return
        # The runtime sends nothing before it is answered, so nothing of it lies in the reader.
        handle = socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))
        writer.transport.abort()
        handle.setblocking(True)
        handle.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        peer.in_thread(handle)


if __name__ == "__main__":
    raise SystemExit(main(PeeredSidecar))

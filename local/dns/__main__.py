"""`python -m local.dns --port PORT`: questions by UDP, the page that publishes records by HTTP on the same number."""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator

from local.dns.zone import Zone
from local.web import process


class _Answers(asyncio.DatagramProtocol):
    """Answers each packet by itself."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the way back."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question."""
        answer = self.zone.answer(data)
        if answer is not None and isinstance(self.transport, asyncio.DatagramTransport):
            self.transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def answering(zone: Zone, port: int) -> AsyncIterator[None]:
    """Answers questions for the length of a block."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Answers(zone), local_addr=("127.0.0.1", port))
    try:
        yield
    finally:
        transport.close()


def main() -> int:
    """Runs it."""
    parser = argparse.ArgumentParser(prog="python -m local.dns", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    zone = Zone()
    return process.run(zone.routes(), port, what="name server", beside=answering(zone, port))


if __name__ == "__main__":
    raise SystemExit(main())

"""Answers every question for a name with one address (RFC 1035).

Where a connection to it goes is decided by the host that its request names.
"""

import asyncio
import struct
from typing import Self

ADDRESS = bytes((11, 0, 0, 1))  # as the real sidecar: an address of no machine here
HEADER = struct.Struct("!6H")
IS_ANSWER, REFUSED = 0x8400, 0x8405  # an authoritative answer; with "refused"
A, INTERNET = 1, 1
SECONDS = 60
TO_THE_QUESTION = 0xC00C  # a name that stands where the question's does


class Names(asyncio.DatagramProtocol):
    """A name server on a loopback port."""

    transport: asyncio.DatagramTransport

    @classmethod
    async def serving(cls) -> Self:
        transport, names = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        names.transport = transport
        return names

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        self.transport.sendto(answered(data), sender)


def answered(query: bytes) -> bytes:
    """The answer to a query: an address for A, none for another type, "refused" where it is no single question."""
    try:
        number, flags, questions, *_ = HEADER.unpack_from(query)
        end = _end_of_name(query, HEADER.size)
        kind, family = struct.unpack_from("!2H", query, end)
    except (struct.error, IndexError):
        return HEADER.pack(int.from_bytes(query[:2]), REFUSED, 0, 0, 0, 0)
    if questions != 1 or flags & 0x8000:
        return HEADER.pack(number, REFUSED, 0, 0, 0, 0)
    known = (kind, family) == (A, INTERNET)
    record = struct.pack("!3HIH", TO_THE_QUESTION, A, INTERNET, SECONDS, len(ADDRESS)) + ADDRESS
    head = HEADER.pack(number, IS_ANSWER | flags & 0x0100, 1, int(known), 0, 0)
    return head + query[HEADER.size : end + 4] + (record if known else b"")


def _end_of_name(query: bytes, at: int) -> int:
    while query[at]:
        at += query[at] + 1
    return at + 1

"""Reading a request's head without its body, for connections that are handed on.

The head is read by hand because workerd's CONNECT carries no Host header, which HTTP libraries refuse.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass

CRLF = "\r\n"
END = b"\r\n\r\n"
PEER_FAULTS = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError)


@dataclass(frozen=True)
class Head:
    """A request line and its fields as they came."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    raw: bytes

    def get(self, wanted: str) -> str | None:
        return next((value for name, value in self.fields if name.lower() == wanted), None)


async def read_head(reader: StreamReader) -> Head:
    """Raises one of PEER_FAULTS where the peer breaks off or sends too long a head."""
    raw = await reader.readuntil(END)
    line, *rest = raw.decode("latin-1").removesuffix(CRLF * 2).split(CRLF)
    method, _, remainder = line.partition(" ")
    fields = tuple((name, value.strip()) for name, _, value in (field.partition(":") for field in rest))
    return Head(method, remainder.rpartition(" ")[0], fields, raw)


def refuse(writer: StreamWriter, status: str, text: str) -> None:
    """Answers with a status line such as "502 Bad Gateway" and closes."""
    body = f"{text}\n".encode()
    head = [f"HTTP/1.1 {status}", "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close"]
    writer.write(CRLF.join([*head, "", ""]).encode() + body)
    writer.close()

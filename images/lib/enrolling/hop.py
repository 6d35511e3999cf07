"""The listener: a ticket in front, which the edge put there, then TLS with one line in it."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from .lines import answer_to

LONGEST_TICKET, LONGEST_LINE, LONGEST_ANSWER = 1024, 4096, 64 * 1024
SECONDS = 30.0
"""For a connection's way to its answer; the edge itself ends one after a minute."""
ASK_SECONDS = 20.0
GOODBYE_SECONDS = 2.0
AT_ONCE = 64


class Ended(Exception):
    """The other side ended, was too slow, or said too much."""


def tls(certificate: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 or newer with the certificate and key in two files. Raises OSError or ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


class Hop(socketserver.ThreadingTCPServer):
    """
    Serves one port.

    Args:
        address: host and port to listen on; port 0 takes a free one.
        context: of the machines' TLS.
        url: where `enroll.internal` is, such as http://enroll.internal.
        tell: takes lines for the log; they hold no ticket, name or key.
        proxy: an HTTP proxy before it, or None.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = AT_ONCE

    def __init__(
        self,
        address: tuple[str, int],
        context: ssl.SSLContext,
        url: str,
        tell: Callable[[str], None],
        proxy: str | None = None,
    ) -> None:
        self.context, self.tell = context, tell
        self._url = f"{url.rstrip('/')}/agents"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy} if proxy else {}))
        self._places = threading.Semaphore(AT_ONCE)
        super().__init__(address, Visit)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.tell("more machines enroll at once than there is room for")
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection's end is its own; what nobody expected is told without its content."""
        self.tell("a connection on 1515 ended with an error")

    def ask(self, ticket: str, line: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The edge's answer to a line. Raises OSError or ValueError where there is none."""
        body = json.dumps({"ticket": ticket, **line}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"}, method="POST")
        try:
            with self._opener.open(request, timeout=ASK_SECONDS) as answer:
                return answer.status, dict(json.loads(answer.read(LONGEST_ANSWER)))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, dict(json.loads(refusal.read(LONGEST_ANSWER)))


class Visit(socketserver.BaseRequestHandler):
    """One machine."""

    server: Hop
    request: socket.socket

    def handle(self) -> None:
        self._ends = time.monotonic() + SECONDS
        with contextlib.suppress(Ended, OSError):
            # Byte by byte: what follows the ticket belongs to TLS.
            ticket = self._line(self.request, LONGEST_TICKET, 1)
            self.request.settimeout(self._left())
            with self.server.context.wrap_socket(self.request, server_side=True) as machine:
                line = self._line(machine, LONGEST_LINE, LONGEST_LINE)
                machine.sendall(answer_to(line, lambda asked: self.server.ask(ticket, asked)).encode())
                machine.settimeout(GOODBYE_SECONDS)
                machine.unwrap()

    def _line(self, source: socket.socket, longest: int, piece: int) -> str:
        """What comes before the first line's end, without it."""
        data = b""
        while b"\n" not in data:
            source.settimeout(self._left())
            more = source.recv(piece)
            data += more
            if not more or len(data) > longest:
                raise Ended
        return data.partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace")

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Ended
        return left

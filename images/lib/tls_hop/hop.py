"""The server: requests of the edge on their way to the manager."""

from __future__ import annotations

import http.client
import json
import sys
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .manager import Away, Lines, Manager
from .taken import Taken

MOST_BYTES = 20 * 1024 * 1024
"""The manager's own bound."""
PIECE = 64 * 1024
IDLE_SECONDS = 120.0
BATCH = "edge-batch"
ACCEPTED = 202
OF_ONE_CONNECTION = frozenset(
    ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", BATCH]
)
"""Headers that end here (RFC 9110, 7.6.1), and the edge's own."""


class Hop(ThreadingHTTPServer):
    """
    Listens from its making on; `serve_forever` serves.

    Args:
        prefix: the path, with a slash at both ends, below which the manager serves; nothing else is passed on.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], prefix: str, manager: Manager) -> None:
        self.prefix, self.lines, self.taken = prefix, Lines(manager), Taken()
        super().__init__(address, Passing)

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that went away is no fault; anything else is told in one line."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, (ConnectionError, TimeoutError)):
            print(json.dumps({"message": f"a request failed: {problem!r}"}), file=sys.stderr, flush=True)


class Passing(BaseHTTPRequestHandler):
    """One connection of the edge."""

    server: Hop
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def log_message(self, format: str, *args: object) -> None:
        """The edge logs each request already."""

    def _take(self) -> None:
        if not self.path.startswith(self.server.prefix):
            self._refuse(404, "this manager serves its agents below another path")
        elif "transfer-encoding" in self.headers:
            self._refuse(411, "the length of the body is not announced")
        elif not (announced := self.headers.get("content-length", "0")).isdigit():
            self._refuse(400, "content-length is no number")
        elif int(announced) > MOST_BYTES:
            self._refuse(413, f"the body is larger than {MOST_BYTES} bytes")
        elif len(body := self.rfile.read(int(announced))) < int(announced):
            # Whoever sent it broke off: passed on as it is, it would have the manager wait for the rest.
            self.close_connection = True
        else:
            self._pass(body)

    def _pass(self, body: bytes) -> None:
        batch = self.headers.get(BATCH)
        try:
            with self.server.taken.turn(batch) if batch else nullcontext(False) as has:
                if has:
                    self._answer(ACCEPTED, {"content-length": "0"})
                else:
                    self._send(body, batch)
        except Away as problem:
            print(json.dumps({"message": str(problem)}), file=sys.stderr, flush=True)
            # By this header the edge knows that nobody took the request, and holds it.
            self._refuse(503, "the manager does not answer", {"x-edge-error": "NODE_NOT_RUNNING"})

    def _send(self, body: bytes, batch: str | None) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OF_ONE_CONNECTION}
        with self.server.lines.answer(self.command, self.path, body, headers) as answer:
            if batch and answer.status == ACCEPTED:
                self.server.taken.note(batch)
            self._relay(answer)

    def _relay(self, answer: http.client.HTTPResponse) -> None:
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in OF_ONE_CONNECTION}
        whole = answer.length is not None
        if whole:
            headers["content-length"] = str(answer.length)
        else:
            headers["transfer-encoding"] = "chunked"
        self._answer(answer.status, headers)
        while piece := answer.read(PIECE):
            self.wfile.write(piece if whole else b"%x\r\n%b\r\n" % (len(piece), piece))
        if not whole:
            self.wfile.write(b"0\r\n\r\n")

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        if headers.get("content-length") == "0":
            # workerd (1.20261117) drops the request that it sends right after an answer without a body.
            headers["connection"] = "close"
            self.close_connection = True
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        """Its body may lie unread on the connection, which ends."""
        self.close_connection = True
        body = json.dumps({"error": why, "code": status}).encode()
        sizes = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
        self._answer(status, {**sizes, **(headers or {})})
        self.wfile.write(body)

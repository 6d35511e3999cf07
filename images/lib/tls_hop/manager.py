"""Connections to the manager: TLS 1.3, and to no other than the one whose certificate lies on this disk."""

from __future__ import annotations

import contextlib
import hmac
import http.client
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

ANSWER_SECONDS = 40.0
"""The manager answers within 30 seconds, by its own clock."""
FRESH_SECONDS = 5.0
"""A connection that was idle for longer may have been closed at the other end, just as a request goes out on it."""


class Away(Exception):
    """The manager does not answer, or what answers is another; the text says how."""


class Manager:
    """
    Where the manager listens.

    Args:
        certificate: PEM file of the manager's own, read at each connection: it may be written late.
    """

    def __init__(self, address: str, port: int, certificate: Path) -> None:
        self._place, self._certificate = (address, port), certificate
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        # The very certificate is compared, which no name and no authority can replace.
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def connect(self) -> http.client.HTTPSConnection:
        """Raises Away."""
        address, port = self._place
        connection = http.client.HTTPSConnection(address, port, timeout=ANSWER_SECONDS, context=self._context)
        # By itself it would connect anew where the manager had closed, and to whoever answers then.
        connection.auto_open = False
        try:
            connection.connect()
            self._require_manager(connection)
        except (OSError, ValueError) as problem:
            connection.close()
            raise Away(f"the manager can't be reached: {problem}") from problem
        return connection

    def _require_manager(self, connection: http.client.HTTPSConnection) -> None:
        pem = self._certificate.read_text()
        end = pem.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
        pinned = ssl.PEM_cert_to_DER_cert(pem[pem.index(ssl.PEM_HEADER) : end])
        shown = connection.sock.getpeercert(binary_form=True) or b""
        if not hmac.compare_digest(pinned, shown):
            raise ValueError("another certificate than its own was shown")


class Lines:
    """Connections that are used again, each for one request at a time."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        # (connection, when it was last used); whoever takes one has it alone, for lists are safe between threads.
        self._idle: list[tuple[http.client.HTTPSConnection, float]] = []

    @contextlib.contextmanager
    def answer(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        """
        The manager's answer, whose body is read within the context. Raises Away where there is none.

        Nothing is sent twice: whether a request whose answer never came had an effect is not known here.
        """
        connection = self._free() or self._manager.connect()
        whole = False
        try:
            answer = _asked(connection, method, target, body, headers)
            yield answer
            whole = answer.isclosed() and not answer.will_close
        finally:
            if whole:
                self._idle.append((connection, time.monotonic()))
            else:
                connection.close()

    def _free(self) -> http.client.HTTPSConnection | None:
        while self._idle:
            connection, used_at = self._idle.pop()
            if time.monotonic() - used_at < FRESH_SECONDS:
                return connection
            connection.close()
        return None


def _asked(
    connection: http.client.HTTPSConnection, method: str, target: str, body: bytes, headers: dict[str, str]
) -> http.client.HTTPResponse:
    try:
        connection.request(method, target, body, headers)
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as problem:
        raise Away(f"the manager did not answer: {problem}") from problem

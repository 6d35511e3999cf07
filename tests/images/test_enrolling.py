"""The image's hop on 1515, run as the image runs it, against an edge that plays `enroll.internal`."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from images.lib.enrolling.lines import answer_to
from tests.contract.edge_process import free_port
from tests.contract.independent_agent import asked_on_1515
from tests.images.node_root import IMAGES, terminated, wait_until
from tests.local.played import bundle

OLDEST = shutil.which("python3.9", path=str(Path.home() / ".pyenv/versions/3.9.18/bin")) or sys.executable
TICKET = "dGlja2V0"
KEY = "ab" * 32


class Edge:
    """Plays the gate: `asked` are the calls it had; `answers` with status and JSON."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: tuple[int, Any] = (200, {})
        edge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                edge.asked.append(
                    {"path": self.path, **json.loads(self.rfile.read(int(self.headers["content-length"])))}
                )
                status, body = edge.answer
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """What was asked is kept above."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


class Hop:
    """The process, and a way to it."""

    def __init__(self, folder: Path, edge: Edge) -> None:
        files = bundle()
        self.certificate, self.key, self.log = folder / "cert.pem", folder / "key.pem", folder / "log"
        self.certificate.write_text(files["manager-0.pem"])
        self.key.write_text(files["manager-0-key.pem"])
        self.port = free_port()
        environment = {"PYTHONPATH": str(IMAGES / "lib"), "ENROLL_URL": edge.url, "ENROLL_PORT": str(self.port)}
        argv = [OLDEST, "-m", "enrolling", str(self.certificate), str(self.key)]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(argv, env=os.environ | environment, stdout=output, stderr=output)
        wait_until(lambda: "enrollment is open" in self.log.read_text(), "the hop listens")

    def dial(self, ticket: str = TICKET) -> socket.socket:
        """A connection as the edge opens it: the ticket, and then the machine's own bytes."""
        connection = socket.create_connection(("127.0.0.1", self.port), 10)
        connection.sendall(ticket.encode() + b"\n")
        return connection

    def ask(self, line: str) -> bytes:
        return asked_on_1515(self.dial(), line)


@pytest.fixture(scope="module")
def playing() -> Iterator[Edge]:
    edge = Edge()
    yield edge
    edge.server.shutdown()


@pytest.fixture
def edge(playing: Edge) -> Edge:
    """An edge that was asked nothing and says yes."""
    playing.asked.clear()
    playing.answer = (200, {"agent_id": "001", "name": "web-1", "key": KEY})
    return playing


@pytest.fixture(scope="module")
def hop(tmp_path_factory: pytest.TempPathFactory, playing: Edge) -> Iterator[Hop]:
    running = Hop(tmp_path_factory.mktemp("hop"), playing)
    yield running
    assert terminated(running.process) == 0


def test_a_line_becomes_a_question_with_the_connections_ticket_and_its_answer_a_line_without_an_end(hop, edge) -> None:
    answer = hop.ask("OSSEC PASS: whatever OSSEC A:'web-1' V:'v4.14.7' G:'linux,web' IP:'src' K:'da39'")

    assert answer == f"OSSEC K:'001 web-1 any {KEY}'".encode()
    groups = ["linux", "web"]
    assert edge.asked == [
        {"path": "/agents", "ticket": TICKET, "name": "web-1", "version": "v4.14.7", "groups": groups}
    ]
    assert hop.ask("OSSEC A:'web-1'") == answer
    assert edge.asked[1:] == [{"path": "/agents", "ticket": TICKET, "name": "web-1", "groups": []}]
    assert not re.search(f"{KEY}|{TICKET}|web-1", hop.log.read_text())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("TOKEN_UNKNOWN", b"ERROR: Invalid password"),
        ("TOKEN_USED_UP", b"ERROR: Invalid password"),
        ("AGENT_NAME_TAKEN", b"ERROR: Duplicate agent name: web-1. Unable to add agent"),
        ("INVALID_REQUEST", b"ERROR: Invalid group: linux,web. Unable to add agent"),
        ("TOKEN_NOT_FOR_NAME", b"ERROR: Invalid agent name: web-1. Unable to add agent"),
        ("AGENT_LIMIT_REACHED", b"ERROR: Maximum number of agents reached. Unable to add agent"),
        ("TENANT_DELETED", b"ERROR: Internal manager error. Unable to add agent"),
    ],
)
def test_the_edges_refusals_come_in_the_words_of_wazuhs_daemon(hop, edge, code, words) -> None:
    edge.answer = (403, {"code": code})
    assert hop.ask("OSSEC A:'web-1' G:'linux,web'") == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OSSEC A:'a'", b"ERROR: Invalid agent name: a. Unable to add agent"),
        ("OSSEC A:'a b'", b"ERROR: Invalid agent name: a b. Unable to add agent"),
        ("GET / HTTP/1.1", b"ERROR: Invalid request for new agent"),
        ("OSSEC A:'web-1' X:'y'", b"ERROR: Invalid request for new agent"),
        ("OSSEC A:'web-1' V:'4 14'", b"ERROR: Invalid request for new agent"),
        ("", b"ERROR: Invalid request for new agent"),
    ],
)
def test_what_is_no_request_is_refused_without_a_question(hop, edge, line, words) -> None:
    assert hop.ask(line) == words
    assert edge.asked == []


@pytest.mark.parametrize("answer", [(200, []), (200, {}), (500, "no"), (502, {"other": 1})])
def test_an_answer_that_is_none_of_the_edges_is_the_managers_own_error(hop, edge, answer) -> None:
    edge.answer = answer
    assert hop.ask("OSSEC A:'web-1'") == b"ERROR: Internal manager error. Unable to add agent"


def test_an_edge_that_is_away_is_the_managers_own_error() -> None:
    def away(_: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        raise OSError("no route")

    assert answer_to("OSSEC A:'web-1'", away) == "ERROR: Internal manager error. Unable to add agent"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_old_tls_and_no_tls_get_nothing_and_others_go_on(hop, edge) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(hop.dial())
    with hop.dial() as plain:
        plain.sendall(b"OSSEC A:'web-1'\n")
        with contextlib.suppress(ConnectionError):
            assert b"OSSEC" not in plain.recv(4096)
    with hop.dial("x" * 2000) as long:
        assert long.recv(1) == b""
    with hop.dial(), hop.dial():  # two that never say anything
        assert hop.ask("OSSEC A:'web-1'").startswith(b"OSSEC K:")
    assert len(edge.asked) == 1


def test_without_a_certificate_it_does_not_start(tmp_path, edge) -> None:
    environment = os.environ | {"PYTHONPATH": str(IMAGES / "lib"), "ENROLL_URL": edge.url}
    argv = [OLDEST, "-m", "enrolling", str(tmp_path / "none"), str(tmp_path / "none")]
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "No such file" in ended.stderr

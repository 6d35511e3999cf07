"""The hop in front of a Wazuh 5 manager, run as the image runs it, against a manager that plays its TLS port."""

import datetime as dt
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from images.lib.tls_hop.taken import REMEMBERED_SECONDS, Taken
from local.nodes.certs.bundle import mint
from local.nodes.certs.request import CertifiedNode, MintRequest
from tests.contract.edge_process import free_port
from tests.images.node_root import IMAGES, wait_until

OLDEST = shutil.which("python3.9", path=str(Path.home() / ".pyenv/versions/3.9.18/bin")) or sys.executable
PREFIX = "/wazuh/" + "a" * 26 + "/"
PATH = PREFIX + "stateless"
MIB = 1024 * 1024


def minted(folder: Path) -> tuple[Path, Path]:
    """A certificate of the manager's name, and its key."""
    files = mint(MintRequest(1, (CertifiedNode("server", "manager-0", "127.0.0.1"),)), dt.datetime.now(dt.UTC)).files
    folder.mkdir(exist_ok=True)
    certificate, key = folder / "manager.pem", folder / "manager-key.pem"
    certificate.write_text(files["manager-0.pem"])
    key.write_text(files["manager-0-key.pem"])
    return certificate, key


class PlayedManager:
    """Serves HTTPS on a free port; what arrives is kept, and answered as `answer` says."""

    def __init__(self, certificate: Path, key: Path, tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        self.arrived: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[int] = set()
        self.answer: Callable[[BaseHTTPRequestHandler], None] = accepted
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                played.arrived.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                played.connections.add(self.client_address[1])
                played.answer(self)

            do_GET = do_POST

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = tls
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def accepted(request: BaseHTTPRequestHandler) -> None:
    request.send_response(202)
    request.send_header("content-length", "0")
    request.end_headers()


def busy(request: BaseHTTPRequestHandler) -> None:
    request.send_response(503)
    request.send_header("content-length", "4")
    request.send_header("retry-after", "9")
    request.end_headers()
    request.wfile.write(b"busy")


def streaming(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("transfer-encoding", "chunked")
    request.end_headers()
    request.wfile.write(b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return minted(tmp_path / "own")


@pytest.fixture
def manager(certificate: tuple[Path, Path]) -> Iterator[PlayedManager]:
    played = PlayedManager(*certificate)
    yield played
    played.close()


class Hop:
    """The program as a process, and requests at it."""

    def __init__(self, manager_port: int, certificate: Path, log: Path) -> None:
        self.port, self._log = free_port(), log.open("w")
        given = {"HOP_LISTEN": f"127.0.0.1:{self.port}", "HOP_MANAGER": f"127.0.0.1:{manager_port}"}
        self.process = subprocess.Popen(
            [OLDEST, "-m", "tls_hop", certificate],
            cwd=IMAGES / "lib",
            env={**os.environ, **given, "AGENTS_PREFIX": PREFIX, "PYTHONDONTWRITEBYTECODE": "1"},
            stderr=self._log,
        )
        wait_until(self._listens, "the hop listens")
        self.connection = self.connect()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(
        self, path: str = PATH, body: bytes = b"", method: str = "POST", **headers: str
    ) -> http.client.HTTPResponse:
        self.connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = self.connection.getresponse()
        self.body = answer.read()
        return answer

    def close(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()
        self._log.close()


@pytest.fixture
def hop(manager: PlayedManager, certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[Hop]:
    running = Hop(manager.port, certificate[0], tmp_path / "log")
    yield running
    running.close()


def test_a_request_passes_as_it_is_and_its_answer_comes_back(hop: Hop, manager: PlayedManager) -> None:
    manager.answer = busy
    answer = hop.ask(f"{PATH}?a=%20b", b"E 1:here:line", authorization="Bearer x", protocol_version="1")
    assert (answer.status, answer.headers["retry-after"], hop.body) == (503, "9", b"busy")
    ((method, target, headers, body),) = manager.arrived
    assert (method, target, body) == ("POST", f"{PATH}?a=%20b", b"E 1:here:line")
    assert (headers["authorization"], headers["protocol-version"]) == ("Bearer x", "1")
    assert "x-edge-error" not in answer.headers


def test_an_answer_of_unknown_length_is_passed_on_in_pieces(hop: Hop, manager: PlayedManager) -> None:
    manager.answer = streaming
    answer = hop.ask(PREFIX + "download", b"{}")
    assert (answer.headers["transfer-encoding"], hop.body) == ("chunked", b"firstsecond")


def test_a_large_body_passes_and_the_connection_to_the_manager_is_used_again(hop: Hop, manager: PlayedManager) -> None:
    for _ in range(3):
        assert hop.ask(body=b"x" * 5 * MIB).status == 202
    assert [len(body) for *_, body in manager.arrived] == [5 * MIB] * 3
    assert len(manager.connections) == 1


def test_an_answer_without_a_body_ends_the_edges_connection(hop: Hop, manager: PlayedManager) -> None:
    """workerd drops the request that it sends right after one."""
    assert hop.ask().headers["connection"] == "close"
    manager.answer = busy
    assert hop.ask().headers["connection"] is None


def test_a_body_that_breaks_off_is_not_passed_on(hop: Hop, manager: PlayedManager) -> None:
    with socket.create_connection(("127.0.0.1", hop.port), 20) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: node\r\nContent-Length: 9\r\n\r\nhalf".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert not manager.arrived


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/wazuh/" + "b" * 26 + "/stateless", {}, 404),
        ("/", {}, 404),
        (PATH, {"content_length": str(21 * MIB)}, 413),
        (PATH, {"content_length": "many"}, 400),
        (PATH, {"transfer_encoding": "chunked"}, 411),
    ],
)
def test_nothing_else_reaches_the_manager(
    hop: Hop, manager: PlayedManager, path: str, headers: dict[str, str], status: int
) -> None:
    answer = hop.ask(path, **headers)
    assert (answer.status, json.loads(hop.body)["code"], answer.headers["connection"]) == (status, status, "close")
    assert not manager.arrived


def test_a_manager_that_shows_another_certificate_gets_nothing(manager: PlayedManager, tmp_path: Path) -> None:
    other, _ = minted(tmp_path / "other")
    hop = Hop(manager.port, other, tmp_path / "log")
    answer = hop.ask(body=b"secret")
    hop.close()
    assert (answer.status, answer.headers["x-edge-error"]) == (503, "NODE_NOT_RUNNING")
    assert not manager.arrived
    assert "another certificate" in (tmp_path / "log").read_text()


def test_what_speaks_no_tls_1_3_gets_nothing(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    older = PlayedManager(*certificate, ssl.TLSVersion.TLSv1_2)
    hop = Hop(older.port, certificate[0], tmp_path / "log")
    answer = hop.ask(body=b"secret")
    hop.close()
    older.close()
    assert (answer.status, older.arrived) == (503, [])


def test_a_manager_that_is_not_there_yet_is_told_as_such_and_found_later(
    manager: PlayedManager, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    late = tmp_path / "late.pem"
    hop = Hop(manager.port, late, tmp_path / "log")
    answer = hop.ask()
    assert (answer.status, answer.headers["x-edge-error"]) == (503, "NODE_NOT_RUNNING")
    late.write_text(certificate[0].read_text())
    assert hop.ask().status == 202
    hop.close()


def test_a_batch_that_the_manager_took_is_not_given_to_it_again(hop: Hop, manager: PlayedManager) -> None:
    assert [hop.ask(body=b"x", edge_batch="one").status for _ in range(3)] == [202] * 3
    assert hop.ask(body=b"x", edge_batch="two").status == 202
    assert len(manager.arrived) == 2
    assert not [headers for _, _, headers, _ in manager.arrived if "edge-batch" in headers]


def test_a_batch_that_the_manager_did_not_take_is_given_to_it_again(hop: Hop, manager: PlayedManager) -> None:
    manager.answer = busy
    assert hop.ask(body=b"x", edge_batch="one").status == 503
    manager.answer = accepted
    assert hop.ask(body=b"x", edge_batch="one").status == 202
    assert len(manager.arrived) == 2


def test_a_batch_that_comes_twice_at_once_reaches_the_manager_once(hop: Hop, manager: PlayedManager) -> None:
    together = threading.Barrier(8)

    def send(_: int) -> int:
        connection = hop.connect()
        together.wait()
        connection.request("POST", PATH, b"x", {"edge-batch": "one"})
        status = connection.getresponse().status
        connection.close()
        return status

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(8))) == [202] * 8
    assert len(manager.arrived) == 1


def test_a_batch_is_remembered_for_ten_minutes() -> None:
    now = 0.0
    taken = Taken(lambda: now)
    taken.note("one")
    now = REMEMBERED_SECONDS - 1
    with taken.turn("one") as has:
        assert has
    now = REMEMBERED_SECONDS
    with taken.turn("one") as has:
        assert not has

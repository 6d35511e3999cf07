"""The tunnel of the images, run as they run it, against a gate that plays `mesh.internal`."""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from images.lib.mesh import tunnel
from images.lib.mesh.tunnel import WINDOW
from images.lib.mesh.websocket import BINARY, WebSocket, masked
from tests.contract.edge_process import free_port
from tests.images.node_root import IMAGES, terminated, wait_until

MIB = 1024 * 1024
OLDEST = shutil.which("python3.9", path=str(Path.home() / ".pyenv/versions/3.9.18/bin")) or sys.executable
"""The interpreter of the images is Python 3.9 or newer; the oldest that is here runs these."""


class Gate:
    """Plays the Worker's side: what arrives is kept, and answered by the test."""

    def __init__(self, answer: Callable[["Gate", ServerConnection], None]) -> None:
        self.paths: list[str] = []
        self.received = bytearray()
        self.ended = threading.Event()
        self.refuse = False
        self._server: Server = serve(
            lambda connection: self._serve(connection, answer),
            "127.0.0.1",
            0,
            compression=None,
            max_size=None,
            ping_interval=None,
            process_request=lambda connection, request: connection.respond(503, "") if self.refuse else None,
        )
        self.port = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _serve(self, connection: ServerConnection, answer: Callable[["Gate", ServerConnection], None]) -> None:
        self.paths.append(connection.request.path)
        with contextlib.suppress(ConnectionClosed):
            answer(self, connection)
        self.ended.set()

    def close(self) -> None:
        self._server.shutdown()


def echo(gate: Gate, connection: ServerConnection) -> None:
    """Sends all back, and tells what it took."""
    for message in connection:
        gate.received += message
        connection.send(message)
        connection.send(str(len(gate.received)))


def take(gate: Gate, connection: ServerConnection) -> None:
    """Takes what comes and tells nothing."""
    for message in connection:
        gate.received += message


class Mesh:
    """The program with one way, from a free port to node 0."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.gates: list[Gate] = []
        self.process: subprocess.Popen[str] | None = None

    def leading_to(self, answer: Callable[[Gate, ServerConnection], None], python: str = sys.executable) -> Gate:
        gate = Gate(answer)
        self.gates.append(gate)
        self.start(f"http://127.0.0.1:{gate.port}", f"{self.port}=0", python)
        wait_until(lambda: "open" in self.log, "the tunnel listens")
        return gate

    def start(self, url: str, ways: str, python: str = sys.executable) -> "subprocess.Popen[str]":
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(IMAGES / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", "mesh"],
                env={**given, "MESH_URL": url, "MESH_LISTEN": ways, "NODE_NAME": "manager-1"},
                stderr=log,
                text=True,
            )
        return self.process

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def dial(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        for gate in self.gates:
            gate.close()


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    made = Mesh(tmp_path)
    yield made
    made.end()


def read(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (piece := connection.recv(MIB)):
        data += piece
    return bytes(data)


@pytest.mark.parametrize("python", sorted({OLDEST, sys.executable}))
def test_bytes_arrive_as_they_were_sent_both_ways_in_any_amount(mesh: Mesh, python: str) -> None:
    gate = mesh.leading_to(echo, python)
    sent = [secrets.token_bytes(size) for size in (1, 125, 126, 65_535, 65_536, 200_000, 5 * MIB)]
    with mesh.dial() as connection:
        threading.Thread(target=lambda: [connection.sendall(piece) for piece in sent], daemon=True).start()
        assert read(connection, sum(map(len, sent))) == b"".join(sent)
    assert gate.paths == ["/0"]


def test_one_large_frame_of_the_gate_passes_and_a_ping_is_answered(mesh: Mesh) -> None:
    content = secrets.token_bytes(3 * MIB)
    answered = threading.Event()

    def speak(gate: Gate, connection: ServerConnection) -> None:
        pong = connection.ping()
        connection.send([content[:MIB], content[MIB:]])
        if pong.wait(10):
            answered.set()
        take(gate, connection)

    mesh.leading_to(speak)
    with mesh.dial() as connection:
        assert read(connection, len(content)) == content
        assert answered.wait(10)


def test_it_waits_once_so_much_is_under_way_that_the_gate_did_not_tell_of(mesh: Mesh) -> None:
    gate = mesh.leading_to(take)
    with mesh.dial() as connection:
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            connection.sendall(bytes(64 * MIB))
        wait_until(lambda: len(gate.received) >= WINDOW, "what may be under way arrives")
        assert len(gate.received) < WINDOW + 64 * 1024


def test_a_peer_that_takes_nothing_for_long_counts_as_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(WebSocket):
        closed = False

        def __init__(self) -> None:
            self.sent = 0

        async def send(self, data: bytes, kind: int = BINARY) -> None:
            self.sent += len(data)

        async def received(self) -> AsyncIterator[tuple[int, bytes]]:
            await asyncio.Event().wait()
            yield BINARY, b""

        async def close(self) -> None:
            self.closed = True

    async def carry() -> Silent:
        far, reader = Silent(), asyncio.StreamReader()
        reader.feed_data(bytes(2 * WINDOW))
        await asyncio.wait_for(tunnel.Passage(reader, None, far).run(), 10)
        return far

    monkeypatch.setattr(tunnel, "STALLED_SECONDS", 0.05)
    far = asyncio.run(carry())
    assert (far.sent, far.closed) == (WINDOW, True)


def test_the_peers_side_ends_with_the_nodes(mesh: Mesh) -> None:
    gate = mesh.leading_to(take)
    with mesh.dial() as connection:
        connection.sendall(b"hello")
        wait_until(lambda: gate.received == b"hello", "it arrives")
    assert gate.ended.wait(10)


def test_the_nodes_side_ends_with_the_peers(mesh: Mesh) -> None:
    mesh.leading_to(lambda _, connection: connection.send(b"bye"))
    with mesh.dial() as connection:
        assert read(connection, 100) == b"bye"


def test_a_connection_that_the_gate_refuses_is_closed_and_the_next_may_pass(mesh: Mesh) -> None:
    gate = mesh.leading_to(echo)
    gate.refuse = True
    with mesh.dial() as connection:
        assert read(connection, 1) == b""
    assert "no way to node 0: it was answered 503" in mesh.log
    gate.refuse = False
    with mesh.dial() as connection:
        connection.sendall(b"x")
        assert read(connection, 1) == b"x"


def test_a_way_to_the_node_itself_leads_to_its_own_port(mesh: Mesh) -> None:
    with socket.create_server(("127.0.0.1", 0)) as own:
        mesh.start("http://mesh.internal", f"{mesh.port}=self:{own.getsockname()[1]}")
        wait_until(lambda: "open" in mesh.log, "the tunnel listens")
        with mesh.dial() as connection:
            accepted, _ = own.accept()
            connection.sendall(b"to myself")
            assert read(accepted, 9) == b"to myself"
            accepted.sendall(b"and back")
            assert read(connection, 8) == b"and back"
            accepted.close()
            assert read(connection, 1) == b""
    with mesh.dial() as connection:
        assert read(connection, 1) == b""
    wait_until(lambda: "no way to this node's own port" in mesh.log, "it says so")


def test_an_answer_to_another_upgrade_than_ours_is_none(mesh: Mesh) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        mesh.start(f"http://127.0.0.1:{server.getsockname()[1]}", f"{mesh.port}=0")
        wait_until(lambda: "open" in mesh.log, "the tunnel listens")
        with mesh.dial() as connection:
            accepted, _ = server.accept()
            with accepted:
                accepted.recv(4096)
                accepted.sendall(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n")
                assert read(connection, 1) == b""
    assert "an upgrade that was not ours" in mesh.log


@pytest.mark.parametrize("ways", ["", "1516", "1516=10", "0=0", "1516=0,1517=1", "99999=0", "9310=self", "9310=self:0"])
def test_ways_that_nobody_can_open_end_it_with_status_1(mesh: Mesh, ways: str) -> None:
    assert mesh.start("http://mesh.internal", ways).wait(10) == 1
    assert re.search(r'"level": "error"', mesh.log)


def test_sigterm_ends_it(mesh: Mesh) -> None:
    mesh.leading_to(take)
    assert mesh.process
    assert terminated(mesh.process) == -15


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_a_mask_is_the_key_over_and_over(data: bytes, key: bytes) -> None:
    assert masked(data, key) == bytes(byte ^ key[at % 4] for at, byte in enumerate(data))

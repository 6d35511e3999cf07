"""
A Wazuh 4.x agent written apart: from the description of the protocol alone, as a check on all else that speaks it.

It shares no code with `local/agent`, the stand-in manager or the images, and is written the other way round on purpose:
blocking sockets, no connector of its own. What it knows of the protocol (Wazuh 4.x, 1514/tcp):

- A frame is a little-endian uint32 and as many bytes. To the manager they are `!<id>!#AES:` and a ciphertext, from it
  `#AES:` and one.
- The cipher is AES-256-CBC with PKCS#7, its key the 32 characters of MD5(key) in hex, its vector `FEDCBA0987654321`.
- In it lie exclamation marks, as many as make the whole a multiple of eight and at least one, and a zlib stream of
  MD5 in hex and body. A body is five random digits, ten of a global and four of a local counter, each with its mark
  behind, and the text. The counters only rise.
- Texts: `#!-agent startup {…}` and keepalives are acknowledged by `#!-agent ack `, events (`1:<location>:<line>`) by
  nothing. Files come as `#!-up file <md5> merged.mg`, pieces, `#!-close file `.
"""

import hashlib
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import uuid
import zlib
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives import ciphers, padding

DEADLINE = 15.0
MACHINE = "Linux |probe |6.1.0 |#1 SMP |x86_64 [Debian GNU/Linux|debian: 12 (bookworm)] - Wazuh v4.14.7"
CONFIGURATION = "0123456789abcdef0123456789abcdef"
LABEL = re.compile(r'<label\s+key="([^"]+)">([^<]*)</label>')


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()


def enrolled(edge: str, token: str, name: str) -> dict[str, Any]:
    """What the edge's door for installers answers to a token."""
    body = {"token": token, "enrollment_id": str(uuid.uuid4()), "name": name, "version": "v4.14.7"}
    answer = httpx.post(f"{edge}/api/agents/enroll", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def asked_on_1515(connection: socket.socket, line: str) -> bytes:
    """
    What is answered to one line of Wazuh's own enrollment, until the connection ends.

    The protocol (4.x): TLS, `OSSEC A:'<name>' V:'<version>' G:'<groups>'` and a newline; back comes one line without an
    end, `OSSEC K:'<id> <name> <address> <key>'` or `ERROR: <why>`. Agents check no certificate unless they have one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connection) as secured:
        secured.sendall(line.encode() + b"\n")
        answer = b""
        while piece := secured.recv(4096):
            answer += piece
        return answer


class Websocat:
    """
    websocat as a connector: a loopback port whose connections travel as WebSockets, raw bytes in binary frames.

    It has no other way to be given a header than its arguments, which everybody on the machine can read.
    """

    def __init__(self, port: int, url: str, connector: dict[str, str], log: Path) -> None:
        headers = [f"-H=Cf-Access-Client-Id: {connector['id']}", f"-H=Cf-Access-Client-Secret: {connector['secret']}"]
        argv = [str(Path(sys.executable).parent / "websocat"), "-b", *headers, f"tcp-l:127.0.0.1:{port}", url]
        self.port = port
        with log.open("ab") as output:
            self._process = subprocess.Popen(argv, stdout=output, stderr=output)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + DEADLINE
        while not self._listens():
            assert self._process.poll() is None, "websocat has ended"
            assert time.monotonic() < deadline, "websocat does not listen"
            time.sleep(0.02)
        return self

    def _listens(self) -> bool:
        """Looked up in the system's own list: a connection made to find out would be carried to the edge."""
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        sockets = [line.split() for line in lines]
        return any(fields[1] == f"0100007F:{self.port:04X}" and fields[3] == "0A" for fields in sockets)

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """As a machine that loses its power: nobody is told that it goes."""
        self._process.kill()
        self._process.wait()


class IndependentAgent:
    """One agent by its id and key (64 hex characters). Its counters live as long as it does, over all connections."""

    def __init__(self, agent_id: str, key: str) -> None:
        self._address = f"!{agent_id}!#AES:".encode()
        self._secret = md5(key.encode())
        self._global, self._local = int(time.time()), 0
        self._socket: socket.socket | None = None
        self.files = b""
        """The group's files as the manager sent them last, with the head of each."""
        self._merged = b"x"

    def connect(self, port: int) -> None:
        self.leave()
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE)

    def leave(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def start_up(self) -> None:
        self._say(b'#!-agent startup {"version":"v4.14.7"}')
        self._await_acknowledgement()

    def keep_alive(self) -> None:
        """Tells the manager that it lives, which labels it has, and which files of its group it has."""
        state = f"#!-{MACHINE} / {CONFIGURATION}\n".encode() + self._labels()
        self._say(state + self._merged + b' merged.mg\n#"_agent_ip":192.0.2.7\n')
        self._await_acknowledgement()

    def report(self, line: str) -> None:
        self._say(b"1:/var/log/auth.log:" + line.encode())

    def take_files(self) -> None:
        """Waits until the manager has sent the files of its group; a keepalive that says it has none asks for them."""
        while not (text := self._hear()).startswith(b"#!-up file "):
            pass
        announced, pieces = text.split(b" ")[2], []
        while not (text := self._hear()).startswith(b"#!-close file"):
            pieces.append(text)
        self.files = b"".join(pieces)
        assert md5(self.files) == announced
        self._merged = announced

    @property
    def labels(self) -> dict[str, str]:
        """What the files of its group say that it is labelled with."""
        return dict(LABEL.findall(self.files.decode()))

    def _labels(self) -> bytes:
        return "".join(f'"{key}":{value}\n' for key, value in self.labels.items()).encode()

    def _await_acknowledgement(self) -> None:
        while (text := self._hear()) != b"#!-agent ack ":
            assert not text.startswith(b"#!-err"), text

    def _say(self, text: bytes) -> None:
        self._local += 1
        body = b"%05d%010d:%04d:" % (int.from_bytes(os.urandom(2), "big"), self._global, self._local) + text
        stream = zlib.compress(md5(body) + body)
        filled = b"!" * (8 - len(stream) % 8) + stream
        padder = padding.PKCS7(128).padder()
        sealed = self._crypt(padder.update(filled) + padder.finalize(), encrypts=True)
        payload = self._address + sealed
        self._connection.sendall(len(payload).to_bytes(4, "little") + payload)

    def _hear(self) -> bytes:
        payload = self._exactly(int.from_bytes(self._exactly(4), "little"))
        if not payload.startswith(b"#AES:"):
            return payload
        unpadder = padding.PKCS7(128).unpadder()
        filled = unpadder.update(self._crypt(payload[5:], encrypts=False)) + unpadder.finalize()
        opened = zlib.decompress(filled.lstrip(b"!"))
        assert md5(opened[32:]) == opened[:32], "a message whose sum is wrong"
        return opened[32:].split(b":", 2)[2]

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self._connection.recv(length - len(data))
            if not piece:
                raise ConnectionResetError("the connection ended")
            data += piece
        return data

    def _crypt(self, data: bytes, *, encrypts: bool) -> bytes:
        cipher = ciphers.Cipher(ciphers.algorithms.AES(self._secret), ciphers.modes.CBC(b"FEDCBA0987654321"))
        step = cipher.encryptor() if encrypts else cipher.decryptor()
        return step.update(data) + step.finalize()

    @property
    def _connection(self) -> socket.socket:
        assert self._socket, "connect first"
        return self._socket

"""The agent's side of the Wazuh 4.x channel on 1514/tcp: length-prefixed, zlib-compressed, AES-encrypted messages."""

import hashlib
import random
import struct
import time
import zlib

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

VECTOR = b"FEDCBA0987654321"  # fixed by the protocol
BLOCK = 16
LOCAL_COUNTER_END = 9997


class BrokenFrame(Exception):
    """The other side sent what this agent's key does not open."""


class Channel:
    """Seals and opens the messages of one agent.

    Args:
        agent_id: such as `001`.
        key: the agent's raw key, 64 hex characters.

    The pair of counters must rise over the agent's whole life; the clock gives the global one, so that a restart
    without stored counters still goes up.
    """

    def __init__(self, agent_id: str, key: str) -> None:
        self._prefix = f"!{agent_id}!#AES:".encode()
        self._key = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest().encode()
        self._global, self._local = int(time.time()), 0

    def seal(self, message: str) -> bytes:
        """A whole frame, length included."""
        body = self._counted(message.encode())
        compressed = zlib.compress(hashlib.md5(body, usedforsecurity=False).hexdigest().encode() + body)
        marks = b"!" * (1 + (8 - (len(compressed) + 1) % 8) % 8)
        payload = self._prefix + self._encrypt(marks + compressed)
        return struct.pack("<I", len(payload)) + payload

    def open(self, payload: bytes) -> str:
        """The message in a frame's payload; raises BrokenFrame."""
        if not payload.startswith(b"#AES:"):
            return payload.decode("latin-1")
        try:
            plain = zlib.decompress(self._decrypt(payload[5:]).lstrip(b"!"))
        except (ValueError, zlib.error) as problem:
            raise BrokenFrame(str(problem)) from problem
        checksum, body = plain[:32], plain[32:]
        if hashlib.md5(body, usedforsecurity=False).hexdigest().encode() != checksum:
            raise BrokenFrame("wrong checksum")
        return body.split(b":", 2)[2].decode("utf-8", "replace")

    def _counted(self, message: bytes) -> bytes:
        self._local += 1
        if self._local > LOCAL_COUNTER_END:
            self._global, self._local = self._global + 1, 1
        salt = random.randrange(65536)  # noqa: S311  (padding against equal messages; secrecy comes from AES)
        return b"%05d%010d:%04d:" % (salt, self._global, self._local) + message

    def _encrypt(self, plain: bytes) -> bytes:
        missing = BLOCK - len(plain) % BLOCK
        encryptor = Cipher(AES(self._key), CBC(VECTOR)).encryptor()
        return encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()

    def _decrypt(self, sealed: bytes) -> bytes:
        decryptor = Cipher(AES(self._key), CBC(VECTOR)).decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        return padded[: -padded[-1]]

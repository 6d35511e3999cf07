"""Secure messages of the agent channel (Wazuh 4.x, AES): what a frame holds, and the counters against replay.

Frame payload, agent to manager: `!<id>!#AES:` + C; manager to agent: `#AES:` + C.
C = AES-256-CBC with PKCS7 over `!` * n + zlib(md5hex(B) + B), B = `%05hu%010u:%04u:` + message.
"""

import hashlib
import secrets
import zlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

IV = b"FEDCBA0987654321"
MARK = b"#AES:"
MAX_INFLATED = 64 * 1024  # OS_MAXSTR, the size of a message in the real manager
DIGEST_LENGTH = 32
LOCAL_LIMIT = 9997  # the local counter has four digits; past this the global one rises


class BadFrame(Exception):
    """Not a message of this agent's: wrong key, damaged, or not in the protocol."""


@dataclass(frozen=True)
class Message:
    """A decrypted message and its counters."""

    counters: tuple[int, int]  # (global, local)
    text: bytes


def split_address(payload: bytes) -> tuple[str, bytes]:
    """The agent id in front of an encrypted message, and the rest; raises BadFrame where there is none."""
    if not payload.startswith(b"!"):
        raise BadFrame("no agent id")
    id, mark, rest = payload[1:].partition(b"!")
    if not mark or not id.isdigit() or len(id) > 8 or not rest.startswith(MARK):
        raise BadFrame("no agent id or not AES")
    return id.decode(), rest[len(MARK) :]


class AgentCipher:
    """Encrypts and decrypts for one agent; `key` is its raw key from client.keys."""

    def __init__(self, key: str) -> None:
        # MD5 is what the protocol prescribes.
        self._algorithm = AES(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest().encode())

    def open(self, ciphertext: bytes) -> Message:
        """Raises BadFrame."""
        try:
            return _read(self._decrypt(ciphertext))
        except (ValueError, zlib.error) as error:
            raise BadFrame(str(error)) from error

    def _decrypt(self, ciphertext: bytes) -> bytes:
        decryptor = Cipher(self._algorithm, CBC(IV)).decryptor()
        unpadder = PKCS7(AES.block_size).unpadder()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()

    def seal(self, text: bytes, counters: tuple[int, int]) -> bytes:
        """The frame payload of a message to the agent."""
        body = b"%05d%010d:%04d:" % (secrets.randbelow(65536), *counters) + text
        packed = zlib.compress(_md5hex(body) + body)
        filler = b"!" * (1 + (8 - (len(packed) + 1) % 8) % 8)
        padder = PKCS7(AES.block_size).padder()
        padded = padder.update(filler + packed) + padder.finalize()
        encryptor = Cipher(self._algorithm, CBC(IV)).encryptor()
        return MARK + encryptor.update(padded) + encryptor.finalize()


def _md5hex(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()


def _read(plaintext: bytes) -> Message:
    inflater = zlib.decompressobj()
    content = inflater.decompress(plaintext.lstrip(b"!"), MAX_INFLATED)
    if not inflater.eof:
        raise BadFrame("the message is too large or breaks off")
    digest, body = content[:DIGEST_LENGTH], content[DIGEST_LENGTH:]
    if _md5hex(body) != digest:
        raise BadFrame("wrong checksum")
    head, local, text = body.split(b":", 2)
    return Message((int(head[5:]), int(local)), text)


class SendCounters:
    """The counters of what this manager sends. They start at the clock, so that they rise even after a lost disk."""

    def __init__(self, start: int) -> None:
        self._global, self._local = start, 0

    def next(self) -> tuple[int, int]:
        self._local += 1
        if self._local >= LOCAL_LIMIT:
            self._global, self._local = self._global + 1, 1
        return self._global, self._local

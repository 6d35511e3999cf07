"""The agent channel's clear `#ping`, through the edge's tunnel as a connector carries it."""

import struct

from websockets.sync.client import connect

SECONDS = 20.0


def ping(address: str, connector: str, secret: str) -> bytes:
    """What the manager answers, without its length. Raises OSError or a websockets error where nothing comes."""
    credential = {"Cf-Access-Client-Id": connector, "Cf-Access-Client-Secret": secret}
    with connect(address, additional_headers=credential, compression=None, proxy=None, open_timeout=SECONDS) as tunnel:
        tunnel.send(_frame(b"#ping"))
        received = b""
        # Frames of the WebSocket have boundaries without meaning.
        while len(received) < 4 or len(received) < 4 + struct.unpack("<I", received[:4])[0]:
            received += tunnel.recv(timeout=SECONDS, decode=False)
    return received[4:]


def _frame(payload: bytes) -> bytes:
    return struct.pack("<I", len(payload)) + payload

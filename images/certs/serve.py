"""
The certificates node: `POST /mint` and `GET /health` on 8080. Python's standard library and openssl, nothing else.

Keys lie in a temporary folder while they are minted, are answered once, and never stored.
"""

import http.server
import ipaddress
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

PORT = int(os.environ.get("PORT", "8080"))
MINT = Path(__file__).with_name("mint.sh")
ROLES = ("indexer", "server", "dashboard")
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
RESERVED = {"admin", "root-ca"}
MAX_DAYS, MAX_NODES, MAX_BODY = 3650, 100, 256 * 1024
MINT_SECONDS = 55
IDLE_SECONDS = 5.0
"""A connection on which nothing comes is closed after these: the end waits for whoever is connected."""


class BadRequest(Exception):
    """The text names the field that is wrong."""


def read_request(body: Any) -> tuple[int, list[tuple[str, str]]]:
    """Days, and each node's name and alternative name. Raises BadRequest."""
    if not isinstance(body, dict):
        raise BadRequest("the request must be an object with days and nodes")
    days, groups = body.get("days", 365), body.get("nodes")
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
        raise BadRequest(f"days: must be a whole number from 1 to {MAX_DAYS}")
    if not isinstance(groups, dict) or not groups or set(groups) - set(ROLES):
        raise BadRequest(f"nodes: must be an object with any of {', '.join(ROLES)}")
    nodes = [node for role, listed in groups.items() for node in _nodes(role, listed)]
    names = [name for name, _ in nodes]
    for name in names:
        if names.count(name) > 1 or name in RESERVED:
            raise BadRequest(f"nodes: the name {name} is taken")
    return days, nodes


def _nodes(role: str, listed: Any) -> list[tuple[str, str]]:
    if not isinstance(listed, list) or len(listed) > MAX_NODES:
        raise BadRequest(f"nodes.{role}: must be a list of at most {MAX_NODES} nodes")
    return [_node(f"nodes.{role}[{at}]", node) for at, node in enumerate(listed)]


def _node(where: str, node: Any) -> tuple[str, str]:
    fields = node if isinstance(node, dict) else {}
    name, address = fields.get("name"), fields.get("ip")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadRequest(f"{where}.name: missing or not a name")
    if not isinstance(address, str) or not (is_address(address) or NAME.fullmatch(address)):
        raise BadRequest(f"{where}.ip: missing or not an address or host name")
    return name, f"{'IP' if is_address(address) else 'DNS'}:{address}"


def is_address(text: str) -> bool:
    """Whether it is an IP address, and not a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def mint(days: int, nodes: list[tuple[str, str]]) -> dict[str, Any]:
    """The bundle by file name, the end of its validity, and its authority's fingerprint."""
    lines = "".join(f"{name} {address}\n" for name, address in nodes)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([MINT, str(days), folder], input=lines, text=True, check=True, timeout=MINT_SECONDS)
        files = {path.name: path.read_text() for path in sorted(Path(folder).iterdir())}
        ends = _about(folder, "-enddate", "-dateopt", "iso_8601")
        fingerprint = _about(folder, "-fingerprint", "-sha256").replace(":", "").lower()
    return {"files": files, "not_after": ends.replace(" ", "T"), "fingerprint": fingerprint}


def _about(folder: str, *options: str) -> str:
    """What openssl prints of the authority after its equals sign."""
    command = ["openssl", "x509", "-in", f"{folder}/root-ca.pem", "-noout", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().partition("=")[2]


class Door(http.server.BaseHTTPRequestHandler):
    """Answers JSON; logs no request, because a body may hold names that are nobody's business."""

    protocol_version = "HTTP/1.1"
    server_version = "certs"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, {"status": "ready"})
        else:
            self._answer(404, {"message": "unknown"})

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), MAX_BODY))
        if self.path != "/mint":
            self._answer(404, {"message": "unknown"})
            return
        try:
            self._answer(200, mint(*read_request(json.loads(body or os.environ.get("CERTS_REQUEST", "null")))))
        except (BadRequest, ValueError) as error:
            self._answer(400, {"message": str(error)})
        except (OSError, subprocess.SubprocessError) as error:
            print(f"minting failed: {error}", file=sys.stderr, flush=True)
            self._answer(500, {"message": "the bundle could not be minted"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        # The edge keeps connections open as long as it may, and one that is kept would hold up the end.
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def main() -> None:
    """Until SIGTERM; what is being minted then is finished first."""
    server = http.server.ThreadingHTTPServer(("", PORT), Door)
    server.daemon_threads = False
    # `shutdown` waits for the loop that this very thread runs, so that another has to call it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"serving on {server.server_address[1]}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()

"""Picks the ports of a local stack: the usual ones where they are free, and the same ones again at the next start."""

import contextlib
import json
import socket
from pathlib import Path

USUAL = {
    "portal": 8000,
    "edge": 8787,
    "oidc": 8090,
    "saml": 8091,
    "mail": 8092,
    "smtp": 8025,
    "dns": 8093,
    "broker": 6389,
}


def is_free(port: int) -> bool:
    """True when nobody listens on the loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def taken(remembered: Path) -> dict[str, int]:
    """The ports of a stack that runs."""
    found: dict[str, int] = json.loads(remembered.read_text())
    return found


def choose(remembered: Path, *, usual: bool = True) -> dict[str, int]:
    """The port of every part. Stored addresses (an identity provider's, a cell's) name ports, so they are kept if free.

    Args:
        remembered: the file that keeps the choice between starts.
        usual: try the well-known ports first; a throw-away stack does not, so that it never takes a person's.
    """
    wanted = json.loads(remembered.read_text()) if remembered.exists() else (USUAL if usual else {})
    chosen = {name: port for name, port in wanted.items() if is_free(port)}
    chosen |= dict(zip(USUAL.keys() - chosen.keys(), free(len(USUAL)), strict=False))
    remembered.write_text(json.dumps(chosen))
    return chosen


def free(count: int) -> list[int]:
    """Free ports, held together while they are picked so that no two are the same."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]

"""`python3 -m tls_hop CERTIFICATE`; HOP_LISTEN and HOP_MANAGER (`address:port`) and AGENTS_PREFIX say the rest."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .hop import Hop
from .manager import Manager


def place(name: str) -> tuple[str, int]:
    address, _, port = os.environ[name].rpartition(":")
    return address, int(port)


def main(certificate: str) -> int:
    hop = Hop(place("HOP_LISTEN"), os.environ["AGENTS_PREFIX"], Manager(*place("HOP_MANAGER"), Path(certificate)))
    hop.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""
`python3 -m enrolling CERTIFICATE KEY`, with ENROLL_URL from the environment: serves 1515 until it is told to end. Ends
with exit status 1 where the port can't be taken or the certificate can't be read.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from node_state.log import say

from .hop import Hop, tls

PORT = int(os.environ.get("ENROLL_PORT", "1515"))


def main(certificate: str, key: str) -> int:
    try:
        hop = Hop(("0.0.0.0", PORT), tls(certificate, key), os.environ["ENROLL_URL"], lambda line: say(line, "warning"))  # noqa: S104 - the edge dials it; nothing else can
    except OSError as error:
        say(str(error), "error")
        return 1
    for order in (signal.SIGTERM, signal.SIGINT):
        signal.signal(order, lambda *_: threading.Thread(target=hop.shutdown).start())
    say("enrollment is open on 1515")
    with hop:
        hop.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

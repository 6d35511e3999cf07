"""Enrollment on 1515 by the image's own hop, which asks the edge."""

import asyncio
import ssl
import threading

from images.lib.enrolling.hop import Hop
from local.nodes.host import Host


class EdgeEnrollment:
    """Runs the hop in a thread beside the manager."""

    def __init__(self, host: Host, url: str, tls: ssl.SSLContext) -> None:
        self._hop = Hop(("127.0.0.1", 0), tls, url, lambda line: host.log(line, level="warning"), host.proxy)
        self._thread = threading.Thread(target=self._hop.serve_forever, args=(0.1,), daemon=True)

    async def open(self) -> int:
        self._thread.start()
        return int(self._hop.server_address[1])

    async def close(self) -> None:
        await asyncio.to_thread(self._hop.shutdown)
        self._hop.server_close()

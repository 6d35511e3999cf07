"""
`python3 -m mesh`, with MESH_URL and MESH_LISTEN from the environment: `1516=0` has port 1516 lead to node 0,
`9310=self:9300` port 9310 to this node's own 9300, and a blank separates several. Ends with exit status 1 where a port
can't be taken or MESH_LISTEN can't be read.
"""

from __future__ import annotations

import asyncio
import os
import sys

from node_state.log import say

from .tunnel import Tunnel, Way, ways_in


async def serve(url: str, ways: list[Way]) -> None:
    tunnel = Tunnel(url, lambda line: say(line, "warning"), os.environ.get("http_proxy"))
    for port, peer, own in ways:
        await (tunnel.lead_back(port, own) if peer is None else tunnel.listen(port, peer))
    say(f"ways to other nodes are open on {', '.join(str(way.port) for way in ways)}")
    await asyncio.Event().wait()


def main() -> int:
    try:
        asyncio.run(serve(os.environ["MESH_URL"], ways_in(os.environ["MESH_LISTEN"])))
    except (OSError, OverflowError, ValueError) as error:
        say(str(error), "error")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Images that are faulty on purpose, for what the product shows when a node fails or takes its time."""

import asyncio
import contextlib

from local.nodes.host import Host
from local.nodes.indexer import main as indexer

SLOW_START = 3600.0  # seconds: longer than the edge waits for an indexer, so that its tenant stays provisioning


async def exits_while_starting(host: Host) -> int:
    """A node that cannot start: says why and ends with exit code 1."""
    host.log("cannot start: the data path is not writable (this image fails on purpose)", level="fatal")
    return 1


async def starts_slowly(host: Host) -> int:
    """An indexer that listens only after an hour."""
    host.log("recovering indices; this takes about an hour (this image is slow on purpose)", level="info")
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(host.stopping.wait(), SLOW_START)
    return 0 if host.stopping.is_set() else await indexer.run(host)

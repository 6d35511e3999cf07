"""Three indexers, and what plays `mesh.internal` between them."""

import asyncio
import datetime as dt
import functools
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from websockets.asyncio.server import ServerConnection

from local.nodes.certs.bundle import mint
from local.nodes.certs.request import read_request
from tests.local.indexer_side import INDEX, IndexerSide, alert
from tests.local.mesh_side import carried
from tests.local.played import PlayedNode

DEADLINE = 20.0
NODES = (0, 1, 2)


@functools.cache
def minted() -> dict[str, str]:
    nodes = {"indexer": [{"name": f"indexer-{n}", "ip": "127.0.0.1"} for n in NODES]}
    return mint(read_request({"days": 30, "nodes": nodes}), dt.datetime.now(dt.UTC)).files


@functools.cache
def foreign() -> dict[str, str]:
    """Of another authority."""
    nodes = {"indexer": [{"name": "indexer-2", "ip": "127.0.0.1"}]}
    return mint(read_request({"days": 30, "nodes": nodes}), dt.datetime.now(dt.UTC)).files


async def until(look: Callable[[], Awaitable[object]], what: str, seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not await look():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.05)


class World:
    """Three indexers and what plays `mesh.internal` between them; a node that is parted reaches none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.urls: dict[int, str] = {}
        self.nodes: dict[int, PlayedNode] = {}
        self.parted: set[int] = set()
        self._links: dict[ServerConnection, set[int]] = {}

    async def carry(self, asker: int, connection: ServerConnection) -> None:
        wanted = int(connection.request.path[1:])
        ends = {asker, wanted}
        node = self.nodes.get(wanted)
        if ends & self.parted or node is None or 9300 not in node.ports:
            return
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", node.ports[9300])
        except OSError:
            return
        self._links[connection] = ends
        try:
            await carried(connection, reader, writer)
        finally:
            del self._links[connection]

    async def part(self, *nodes: int) -> None:
        self.parted |= set(nodes)
        for connection in [link for link, ends in self._links.items() if ends & set(nodes)]:
            await connection.close()

    async def start(self, n: int, *, keep: bool = False, **more: str) -> IndexerSide:
        """Starts a node, with an empty disk unless it keeps what it had."""
        return IndexerSide(await self.played(n, keep=keep, **more))

    async def played(self, n: int, *, keep: bool = False, **more: str) -> PlayedNode:
        disk = self.folder / f"disk-{n}"
        if not keep:
            shutil.rmtree(disk, ignore_errors=True)
        disk.mkdir(exist_ok=True)
        given = {
            "NODE_NAME": f"indexer-{n}",
            "discovery.type": "zen",
            "MESH_URL": self.urls[n],
            "MESH_LISTEN": " ".join(f"931{peer}=self:9300" if peer == n else f"931{peer}={peer}" for peer in NODES),
            "NODE_CERTIFICATES": json.dumps(minted()),
            "INDEX_REPLICAS": "1",
        }
        node = PlayedNode("indexer", disk, {**given, **more})
        await node.__aenter__()
        self.nodes[n] = node
        return node

    async def stop(self, n: int) -> int:
        return await self.nodes.pop(n).stop()

    async def all(self, **more: str) -> list[IndexerSide]:
        sides = [await self.start(n, **more) for n in NODES]
        for side in sides:
            await joined(side)
        return sides


async def health(side: IndexerSide) -> dict[str, object]:
    return (await side.http.get("/_cluster/health?local=true")).json()


async def uuid_of(side: IndexerSide) -> str:
    return str((await side.http.get("/")).json()["cluster_uuid"])


async def joined(side: IndexerSide, nodes: int = len(NODES)) -> None:
    """Waits until it takes orders in a cluster of so many."""

    async def look() -> bool:
        return 9200 in side.node.ports and (await health(side))["number_of_nodes"] == nodes

    await until(look, f"{side.node.environment['NODE_NAME']} in a cluster of {nodes}")

    async def serving() -> bool:
        return any(line["message"] == "serving" for line in side.node.log())

    await until(serving, "it serves")


async def bulk(side: IndexerSide, *numbers: int) -> httpx.Response:
    pairs = [({"index": {"_index": INDEX, "_id": str(number)}}, alert(number)) for number in numbers]
    return await side.bulk(*[line for pair in pairs for line in pair])


async def held(side: IndexerSide) -> set[str]:
    found = await side.search({"query": {"match_all": {}}, "size": 100})
    return {hit["_id"] for hit in found["hits"]["hits"]}


def leads(node: PlayedNode) -> bool:
    words = [line["message"] for line in node.log()]
    marks = [word for word in words if word in ("leads the cluster", "joined the cluster", "without a leader")]
    return marks[-1:] == ["leads the cluster"]

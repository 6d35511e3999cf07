"""What the first node of a cluster does once, before alerts may be written: put back what was saved."""

import asyncio
import json
from collections.abc import Iterator

from local.nodes.host import Host
from local.nodes.indexer import state
from local.nodes.indexer.cluster.cluster import FURNISHER, Cluster
from local.nodes.indexer.cluster_calls import AUTO_CREATE
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.nodes.state.restoring import restore
from local.web.messages import Request

FIRST = 0
TOGETHER = 500
PAUSE_SECONDS = 0.25


async def furnish(host: Host, cluster: Cluster, node: int) -> None:
    """Returns once the cluster is furnished and this node in it."""
    while not (cluster.members.nodes and cluster.is_open):
        if node == FIRST and cluster.members.nodes:
            try:
                await _furnish(host, cluster)
            except SearchError as error:
                host.log("the cluster could not be furnished yet", reason=error.reason, level="warning")
        await asyncio.sleep(PAUSE_SECONDS)


async def _furnish(host: Host, cluster: Cluster) -> None:
    saved = host.disk / "saved.sqlite"
    saved.unlink(missing_ok=True)
    documents = Documents(saved)
    try:
        repositories = SnapshotRepositories(host.disk, documents, state.bucket_of(host))
        if await restore(host, lambda _, archive: state.apply(repositories, state.door_of(host), archive)):
            for body in _bulks(documents):
                await cluster.write(Request("POST", "/_bulk", {}, body), FURNISHER)
    finally:
        documents.close()
        saved.unlink()
    opened = json.dumps({"persistent": {AUTO_CREATE: "true"}}).encode()
    await cluster.write(Request("PUT", "/_cluster/settings", {}, opened), FURNISHER)


def _bulks(documents: Documents) -> Iterator[bytes]:
    lines: list[str] = []
    for document in documents.scan(documents.indices()):
        action = {"index": {"_index": document.index, "_id": document.id}}
        lines += [json.dumps(action), json.dumps(document.source)]
        if len(lines) >= 2 * TOGETHER:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    if lines:
        yield ("\n".join(lines) + "\n").encode()

"""The indexer node: opens its store, finds its cluster where there is one, then serves 9200."""

import asyncio
from typing import Any
from uuid import uuid4

from local.nodes.host import SERVER_NAME, Host
from local.nodes.indexer import state
from local.nodes.indexer.access import Access
from local.nodes.indexer.api import IndexerApi
from local.nodes.indexer.cluster.cluster import TRANSPORT_PORT, Cluster
from local.nodes.indexer.cluster.furnishing import furnish
from local.nodes.indexer.cluster.membership import Expelled
from local.nodes.indexer.cluster.settings import BadSettings, ClusterSettings
from local.nodes.indexer.documents import Documents, IndexSettings
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.nodes.state.restoring import restore
from local.nodes.state.saving import Saver
from local.web.server import http_listener

PORT = 9200


async def run(host: Host) -> int:
    """
    Serves until the node is stopped.

    Exit code 1 where the environment is not usable (no default password is ever used), and where the cluster goes on
    without this node.
    """
    passwords = {
        "admin": host.environment.get("INDEXER_PASSWORD", ""),
        "kibanaserver": host.environment.get("DASHBOARD_PASSWORD", ""),
    }
    try:
        settings = ClusterSettings.of(host)
        if not passwords["admin"]:
            raise BadSettings("INDEXER_PASSWORD is not set")
    except BadSettings as error:
        host.log(str(error), level="fatal")
        return 1
    data = host.disk / "data"
    data.mkdir(exist_ok=True)
    documents = Documents(data / "documents.sqlite", _index_settings(host))
    repositories = SnapshotRepositories(data, documents, state.bucket_of(host))
    api = IndexerApi(host, documents, Access(passwords), repositories, settings)
    saver = Saver(host, lambda: state.save(repositories, state.door_of(host)), on_schedule=False)
    try:
        if api.cluster is None or settings is None:
            await _serve_alone(host, documents, repositories, api, saver)
            return 0
        return await _serve_in_cluster(host, settings.node, api, api.cluster, saver)
    finally:
        documents.close()


async def _serve_alone(
    host: Host, documents: Documents, repositories: SnapshotRepositories, api: IndexerApi, saver: Saver
) -> None:
    documents.note_fact("cluster_uuid", documents.fact("cluster_uuid") or uuid4().hex[:22])
    await restore(host, lambda _, archive: state.apply(repositories, state.door_of(host), archive))
    async with http_listener(api.handle, server_name=SERVER_NAME) as port, saver.serving() as more_ports:
        host.report_ports({PORT: port, **more_ports})
        host.log("serving", stand_in=True, version=host.version)
        await host.stopping.wait()


async def _serve_in_cluster(host: Host, node: int, api: IndexerApi, cluster: Cluster, saver: Saver) -> int:
    """It answers from the beginning, and takes orders to save once it is in a cluster that is furnished."""
    stopping = asyncio.ensure_future(host.stopping.wait())
    transport = await cluster.open()
    belonging = asyncio.ensure_future(cluster.members.run())
    serving = asyncio.ensure_future(_take_orders(host, node, cluster, saver))
    tasks: tuple[asyncio.Task[Any], ...] = (stopping, belonging, serving)
    try:
        async with http_listener(api.handle, server_name=SERVER_NAME) as port:
            host.report_ports({PORT: port, TRANSPORT_PORT: transport})
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        return 0
    except Expelled as reason:
        host.log(str(reason), level="fatal")
        return 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await cluster.close()


async def _take_orders(host: Host, node: int, cluster: Cluster, saver: Saver) -> None:
    await furnish(host, cluster, node)
    async with saver.serving() as ports:
        host.report_ports(ports)
        host.log("serving", stand_in=True, version=host.version)
        await asyncio.Event().wait()


def _index_settings(host: Host) -> IndexSettings:
    given = {
        "shards": host.environment.get("INDEX_SHARDS"),
        "replicas": host.environment.get("INDEX_REPLICAS"),
        "refresh_seconds": host.environment.get("INDEX_REFRESH_SECONDS"),
    }
    return IndexSettings(**{name: int(value) for name, value in given.items() if value is not None})

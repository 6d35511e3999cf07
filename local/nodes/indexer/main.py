"""The indexer node: opens its store, then serves 9200."""

from local.nodes.host import SERVER_NAME, Host
from local.nodes.indexer import state
from local.nodes.indexer.access import Access
from local.nodes.indexer.api import IndexerApi
from local.nodes.indexer.bucket import Bucket
from local.nodes.indexer.documents import Documents, IndexSettings
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.nodes.state.door import StateDoor
from local.nodes.state.restoring import restore
from local.nodes.state.saving import Saver
from local.web.server import http_listener

PORT = 9200


async def run(host: Host) -> int:
    """Serves until the node is stopped; exit code 1 where a password is missing, as no default one is ever used."""
    passwords = {
        "admin": host.environment.get("INDEXER_PASSWORD", ""),
        "kibanaserver": host.environment.get("DASHBOARD_PASSWORD", ""),
    }
    if not passwords["admin"]:
        host.log("INDEXER_PASSWORD is not set", level="fatal")
        return 1
    data = host.disk / "data"
    data.mkdir(exist_ok=True)
    documents = Documents(data / "documents.sqlite", _index_settings(host))
    endpoint = host.environment.get("REPOSITORY_URL", "")
    repositories = SnapshotRepositories(data, documents, lambda name: Bucket(endpoint, name, host.proxy))
    api = IndexerApi(host, documents, Access(passwords), repositories)
    door = StateDoor(host, host.environment.get("STATE_URL", ""))
    await restore(host, lambda _, archive: state.apply(repositories, door, archive))
    saver = Saver(host, lambda: state.save(repositories, door), on_schedule=False)
    async with http_listener(api.handle, server_name=SERVER_NAME) as port, saver.serving() as more_ports:
        host.report_ports({PORT: port, **more_ports})
        host.log("serving", stand_in=True, version=host.version)
        await host.stopping.wait()
    documents.close()
    return 0


def _index_settings(host: Host) -> IndexSettings:
    given = {
        "shards": host.environment.get("INDEX_SHARDS"),
        "replicas": host.environment.get("INDEX_REPLICAS"),
        "refresh_seconds": host.environment.get("INDEX_REFRESH_SECONDS"),
    }
    return IndexSettings(**{name: int(value) for name, value in given.items() if value is not None})

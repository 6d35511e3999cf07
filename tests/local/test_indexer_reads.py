"""A search sees what was committed, and nothing of a write that is under way."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.nodes.host import Host
from local.nodes.indexer.access import Access
from local.nodes.indexer.api import IndexerApi
from local.nodes.indexer.bucket import Bucket
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.web.messages import Request
from tests.local.indexer_side import EVERY, INDEX, alert

pytestmark = pytest.mark.anyio

VERA = {"x-proxy-user": "usr_vera", "x-proxy-roles": "tenant_readonly", "x-forwarded-for": "198.51.100.7"}


def no_bucket(name: str) -> Bucket:
    raise AssertionError(f"the bucket {name} is of no use here")


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[Documents]:
    store = Documents(tmp_path / "documents.sqlite")
    store.put(INDEX, "kept", alert(1))
    yield store
    store.close()


@pytest.fixture
def api(tmp_path: Path, documents: Documents) -> IndexerApi:
    host = Host("wazuh/wazuh-indexer:4.14.7", {}, tmp_path, lambda ports: None, output=io.StringIO())
    return IndexerApi(host, documents, Access({}), SnapshotRepositories(tmp_path, documents, no_bucket))


async def ask(api: IndexerApi, call: str) -> Any:
    return json.loads((await api.handle(Request("POST", f"/{EVERY}/{call}", VERA))).body)


async def test_a_search_beside_a_bulk_that_will_be_rolled_back_finds_nothing_of_it(api, documents) -> None:
    async def found() -> list[str]:
        return [hit["_id"] for hit in (await ask(api, "_search"))["hits"]["hits"]]

    class RolledBack(Exception): ...

    with contextlib.suppress(RolledBack), documents.transaction():
        documents.put(INDEX, "never", alert(2))
        documents.delete(INDEX, "kept")
        assert await found() == ["kept"]
        assert (await ask(api, "_count"))["count"] == 1
        raise RolledBack

    assert await found() == ["kept"]


async def test_what_is_committed_is_found_by_the_next_search(api, documents) -> None:
    with documents.transaction():
        documents.put(INDEX, "new", alert(2))

    assert (await ask(api, "_count"))["count"] == 2


def test_a_scan_goes_on_over_what_was_there_when_it_began(documents) -> None:
    documents.put(INDEX, "second", alert(2))
    with documents.reading() as reader:
        scan = reader.scan([INDEX])
        seen = [next(scan).id]
        documents.delete(INDEX, "second")
        documents.put(INDEX, "third", alert(3))
        seen += [document.id for document in scan]

        assert sorted(seen) == ["kept", "second"]
        assert reader.get(INDEX, "second") is not None


async def test_the_disk_is_what_the_node_holds_and_what_is_left_for_it(api, tmp_path) -> None:
    async def disk() -> dict[str, int]:
        answer = await api.handle(Request("GET", "/_nodes/stats/fs", VERA))
        (node,) = json.loads(answer.body)["nodes"].values()
        total: dict[str, int] = node["fs"]["total"]
        return total

    before = await disk()
    (tmp_path / "more").write_bytes(b"x" * 5_000_000)
    after = await disk()
    held = [facts["total_in_bytes"] - facts["available_in_bytes"] for facts in (before, after)]
    assert held[0] > 0
    assert held[1] - held[0] == 5_000_000

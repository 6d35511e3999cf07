"""The indexer's store: bulk with given ids, single documents, indices, snapshots, and that it is all on disk."""

import pytest

from tests.local.indexer_side import EVERY, INDEX, IndexerSide, alert

pytestmark = pytest.mark.anyio


@pytest.fixture
async def indexer(play) -> IndexerSide:
    return IndexerSide(await play("indexer"))


async def test_a_bulk_request_answers_for_each_item(indexer) -> None:
    answer = await indexer.bulk(
        {"index": {"_index": INDEX, "_id": "a"}},
        alert(1),
        {"create": {"_index": INDEX, "_id": "a"}},
        alert(2),
        {"index": {"_index": "Not An Index", "_id": "b"}},
        alert(3),
        {"index": {"_index": INDEX, "_id": "c"}},
        "{broken",
        {"delete": {"_index": INDEX, "_id": "nobody"}},
        {"index": {"_index": INDEX, "_id": "a"}},
        alert(4),
    )

    body = answer.json()
    statuses = [next(iter(item.values()))["status"] for item in body["items"]]
    assert body["errors"] is True
    assert statuses == [201, 409, 400, 400, 404, 200]
    assert body["items"][1]["create"]["error"]["type"] == "version_conflict_engine_exception"
    assert (await indexer.http.get(f"/{INDEX}/_doc/a")).json()["_source"]["id"].endswith(".4")


async def test_the_same_batch_twice_is_each_document_once(indexer) -> None:
    await indexer.put(alert(1), alert(2))
    await indexer.put(alert(1), alert(2))

    assert (await indexer.search({}))["hits"]["total"] == {"value": 2, "relation": "eq"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"index":{}}\n{}', b"[]\n{}\n", b"not json\n{}\n", b'{"update":{"_index":"a","_id":"b"}}\n{}\n'],
)
async def test_what_is_no_bulk_body_is_400_and_changes_nothing(indexer, body) -> None:
    answer = await indexer.http.post("/_bulk", content=b'{"index":{"_index":"x","_id":"1"}}\n{}\n' + body)

    assert answer.status_code == (200 if body == b"" else 400)
    if body:
        assert (await indexer.http.get("/_cat/indices?format=json")).json() == []


async def test_documents_are_on_disk_when_the_request_is_answered(indexer, play) -> None:
    await indexer.put(alert(1))
    copy = IndexerSide(await play("indexer", disk=_copy_of(indexer.node.disk)))

    assert await copy.ids({"match_all": {}}) == ["1"]


def _copy_of(disk):
    """The disk as a killed node would leave it."""
    import shutil

    return shutil.copytree(disk, disk.with_name("copy"))


async def test_a_document_is_put_read_and_deleted_by_its_id(indexer) -> None:
    assert (await indexer.http.put(f"/{INDEX}/_doc/a", json=alert(1))).status_code == 201
    assert (await indexer.http.put(f"/{INDEX}/_doc/a?op_type=create", json=alert(1))).status_code == 409
    assert (await indexer.http.get(f"/{INDEX}/_doc/a")).json()["found"] is True
    assert (await indexer.http.delete(f"/{INDEX}/_doc/a")).json()["result"] == "deleted"
    assert (await indexer.http.get(f"/{INDEX}/_doc/a")).status_code == 404
    assert (await indexer.http.delete(f"/{INDEX}/_doc/a")).status_code == 404


async def test_indices_are_made_by_their_first_document_listed_and_deleted(indexer) -> None:
    await indexer.put(alert(1))
    await indexer.put(alert(2), index="wazuh-alerts-4.x-2026.11.24")

    rows = (await indexer.http.get("/_cat/indices/wazuh-alerts-*?format=json")).json()
    assert [(row["index"], row["docs.count"]) for row in rows] == [(INDEX, "1"), ("wazuh-alerts-4.x-2026.11.24", "1")]
    assert (await indexer.http.head(f"/{INDEX}")).status_code == 200
    assert (await indexer.http.delete(f"/{INDEX}")).json() == {"acknowledged": True}
    assert (await indexer.http.head(f"/{INDEX}")).status_code == 404
    assert await indexer.ids({"match_all": {}}) == ["2"]


async def test_an_index_is_made_as_the_plan_says(indexer) -> None:
    await indexer.put(alert(1))

    found = (await indexer.http.get(f"/{INDEX}/_settings")).json()

    wanted = {"number_of_shards": "2", "number_of_replicas": "0", "refresh_interval": "30s"}
    assert found == {INDEX: {"settings": {"index": wanted}}}
    assert (await indexer.http.get("/_cluster/health")).json()["active_primary_shards"] == 2


async def test_documents_are_deleted_by_query(indexer) -> None:
    await indexer.put(alert(1), alert(2))

    answer = await indexer.http.post(
        f"/{EVERY}/_delete_by_query", json={"query": {"term": {"data.srcip": "203.0.113.1"}}}
    )

    assert answer.json()["deleted"] == 1
    assert await indexer.ids({"match_all": {}}) == ["2"]

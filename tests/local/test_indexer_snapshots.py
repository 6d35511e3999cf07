"""The indexer's snapshots: what it writes to a bucket of S3 and reads back, and how its state is saved through that."""

import http.client
import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.nodes.indexer.bucket import PART, Bucket, BucketFailed
from local.web.messages import Request, Response
from tests.local.bucket_side import BucketSide
from tests.local.edge_side import EdgeSide
from tests.local.indexer_side import INDEX, IndexerSide, alert

pytestmark = pytest.mark.anyio
SETTINGS = {"type": "s3", "settings": {"bucket": "snapshots"}}
OLDER = "wazuh-alerts-4.x-2026.11.22"


class StateSide:
    """`state.internal` of an indexer: archives are what the bucket held; `damaged` is told of the next one."""

    def __init__(self, bucket: BucketSide) -> None:
        self.bucket = bucket
        self.archives: list[dict[str, bytes]] = []
        self.told: list[str] = []
        self.damaged = False

    async def answer(self, request: Request) -> Response:
        path = request.path
        self.told.append(path)
        if path == "/latest":
            number = len(self.archives)
            return Response.of_json({"number": number, "files": []}, 200 if number else 404)
        if path == "/front":
            number = json.loads(request.body)["number"]
            self.bucket.objects = dict(self.archives[number - 1]) if number else {}
        if path == "/snapshots" and self.damaged:
            self.damaged = False
            return Response.of_json({"message": "The object is not stored."}, 422)
        if path == "/snapshots":
            self.archives.append(dict(self.bucket.objects))
        return Response.of_json({"number": len(self.archives)}, 201 if path == "/snapshots" else 200)


@pytest.fixture
def bucket(edge: EdgeSide) -> BucketSide:
    side = BucketSide()
    edge.handlers["repository.internal"] = side.answer
    return side


@pytest.fixture
def store(edge: EdgeSide, bucket: BucketSide) -> StateSide:
    side = StateSide(bucket)
    edge.handlers["state.internal"] = side.answer
    return side


@pytest.fixture
def start(play: Any, edge: EdgeSide, tmp_path: Path):
    """Starts an indexer with a disk of its own."""
    started: list[IndexerSide] = []

    async def another(**more: str) -> IndexerSide:
        given = {"HTTP_PROXY": edge.address, "REPOSITORY_URL": "http://repository.internal"} | more
        node = await play("indexer", disk=tmp_path / f"disk-{len(started)}", **given)
        started.append(IndexerSide(node))
        return started[-1]

    return another


STATE = {"STATE_URL": "http://state.internal"}


async def save(indexer: IndexerSide) -> tuple[int, dict[str, Any]]:
    async with indexer.node.client(9199) as client:
        answer = await client.post("/save")
    return answer.status_code, answer.json()


async def test_a_snapshot_brings_back_what_was_deleted(start, bucket) -> None:
    indexer = await start()
    await indexer.put(alert(1), alert(2))
    await indexer.http.put("/_snapshot/backup", json=SETTINGS)
    taken = await indexer.http.put("/_snapshot/backup/first")
    assert taken.json()["snapshot"]["state"] == "SUCCESS"

    assert (await indexer.http.post("/_snapshot/backup/first/_restore")).status_code == 500, "the index exists still"
    await indexer.http.delete(f"/{INDEX}")
    assert (await indexer.http.post("/_snapshot/backup/first/_restore")).status_code == 200

    assert sorted(await indexer.ids({"match_all": {}})) == ["1", "2"]
    listed = await indexer.http.get("/_snapshot/backup/_all")
    assert [entry["snapshot"] for entry in listed.json()["snapshots"]] == ["first"]
    assert (await indexer.http.delete("/_snapshot/backup/first")).status_code == 200
    assert (await indexer.http.get("/_snapshot/backup/first")).status_code == 404
    assert bucket.objects == {}


async def test_an_index_that_did_not_change_is_not_sent_again(start, bucket) -> None:
    indexer = await start()
    for index in (OLDER, INDEX):
        await indexer.put(alert(1), index=index)
    await indexer.http.put("/_snapshot/backup", json=SETTINGS)
    await indexer.http.put("/_snapshot/backup/first")
    await indexer.put(alert(2))
    before = len(bucket.written)
    await indexer.http.put("/_snapshot/backup/second")
    assert [re.sub("__.*", "__", key) for key in bucket.written[before:]] == ["indices/__", "snap-second.json"]
    assert (await indexer.http.put("/_snapshot/backup/second")).status_code == 400


@pytest.mark.parametrize("name", ["%2e%2e", "%2e%2e%2fescaped", "UPPER"])
async def test_a_repository_has_a_plain_name(start, bucket, name) -> None:
    indexer = await start()
    assert (await indexer.http.put(f"/_snapshot/{name}", json=SETTINGS)).status_code in (400, 404, 405)


async def test_a_repository_of_another_kind_or_without_a_bucket_is_refused(start, bucket) -> None:
    indexer = await start()
    assert (await indexer.http.put("/_snapshot/backup", json={"type": "fs"})).status_code == 400
    assert (await indexer.http.put("/_snapshot/backup", json={"type": "s3"})).status_code == 400
    assert (await indexer.http.put("/_snapshot/nowhere/first")).status_code == 404


async def test_a_bucket_that_does_not_answer_fails_the_call_alone(start, bucket) -> None:
    indexer = await start()
    await indexer.http.put("/_snapshot/backup", json=SETTINGS)
    bucket.refused = 503
    answer = await indexer.http.put("/_snapshot/backup/first")
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "repository_exception")


async def test_large_contents_travel_in_parts(edge, bucket, tmp_path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (2 * PART) + b"end")
    there = Bucket("http://repository.internal", "snapshots", edge.address)
    await there.put("large", tmp_path / "large")
    assert [len(part) for part in bucket.parts] == [PART, PART, 3]
    assert await there.get("large") == (tmp_path / "large").read_bytes()
    with pytest.raises(BucketFailed, match="NoSuchKey"):
        await there.get("none")


async def test_a_new_container_starts_from_the_snapshot_of_the_one_before(start, store) -> None:
    first = await start(**STATE)
    await first.put(alert(1))
    assert await save(first) == (200, {"number": 1})
    await first.put(alert(2))
    assert await save(first) == (200, {"number": 2})
    assert len([key for key in store.archives[1] if key.startswith("snap-")]) == 1
    store.bucket.objects = {"snap-half": b"what a container that died left behind"}
    second = await start(**STATE)
    assert sorted(await second.ids({"match_all": {}})) == ["1", "2"]
    assert store.told[-1] == "/restored"


async def test_a_repository_in_which_something_is_broken_is_written_anew(start, store) -> None:
    indexer = await start(**STATE)
    await indexer.put(alert(1))
    await save(indexer)
    store.damaged = True
    before = len(store.bucket.written)
    assert await save(indexer) == (200, {"number": 2})
    assert len(store.bucket.written) - before == 3, "a description, and after the refusal everything"


async def test_a_bucket_that_does_not_answer_is_no_archive_and_blames_none(start, store) -> None:
    first = await start(**STATE)
    await first.put(alert(1))
    await save(first)
    store.bucket.refused = 503
    status, told = await save(first)
    assert (status, len(store.archives)) == (http.client.SERVICE_UNAVAILABLE, 1)
    assert "no snapshot was taken" in told["error"]
    assert "/unusable" not in store.told

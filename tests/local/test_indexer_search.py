"""Searching: the query language, sorting, paging, counting."""

import datetime as dt

import pytest

from tests.local.indexer_side import EVERY, INDEX, IndexerSide, alert

pytestmark = pytest.mark.anyio

RULE = {
    "id": "5763",
    "level": 10,
    "groups": ["syslog", "sshd"],
    "description": "sshd: brute force trying to get access",
}


@pytest.fixture
async def indexer(play) -> IndexerSide:
    side = IndexerSide(await play("indexer"))
    await side.put(
        alert(1),
        alert(2, full_log="Failed password for invalid user zebra-crossing from 203.0.113.2"),
        alert(3, rule=RULE, agent={"id": "002", "name": "db-1"}),
        alert(4, data={"srcip": "2001:db8::4", "count": 12}),
    )
    return side


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"match_all": {}}, "1234"),
        ({"match_none": {}}, ""),
        ({"ids": {"values": ["1795428000.1", "1795428000.9"]}}, "1"),
        ({"term": {"rule.level": 10}}, "3"),
        ({"term": {"rule.level": {"value": "10"}}}, "3"),
        ({"term": {"agent.name": "web"}}, ""),
        ({"term": {"rule.groups": "sshd"}}, "1234"),
        ({"term": {"data.srcip.keyword": "203.0.113.1"}}, "1"),
        ({"terms": {"agent.id": ["002", "003"]}}, "3"),
        ({"match": {"full_log": "ZEBRA"}}, "2"),
        ({"match": {"full_log": {"query": "zebra root", "operator": "and"}}}, ""),
        ({"match": {"full_log": "zebra root"}}, "1234"),
        ({"match": {"agent.name": "db-1"}}, "3"),
        ({"match_phrase": {"full_log": "invalid user"}}, "2"),
        ({"match_phrase": {"full_log": "user invalid"}}, ""),
        ({"multi_match": {"query": "zebra", "fields": ["full_log", "rule.description"]}}, "2"),
        ({"multi_match": {"query": "brute"}}, "3"),
        ({"exists": {"field": "data.count"}}, "4"),
        ({"prefix": {"data.srcip": "2001:"}}, "4"),
        ({"wildcard": {"agent.name": "d*"}}, "3"),
        ({"wildcard": {"full_log": {"value": "zeb*"}}}, "2"),
        ({"range": {"rule.level": {"gt": 5}}}, "3"),
        ({"range": {"timestamp": {"gte": "2026-11-23T10:00:02Z", "lt": "2026-11-23T10:00:04Z"}}}, "23"),
        ({"range": {"data.count": {"lte": 12}}}, "4"),
        ({"bool": {"must": [{"term": {"agent.id": "001"}}], "must_not": {"match": {"full_log": "zebra"}}}}, "14"),
        ({"bool": {"should": [{"term": {"rule.level": 10}}, {"match": {"full_log": "zebra"}}]}}, "23"),
        ({"bool": {"filter": {"match_all": {}}, "should": [{"term": {"rule.level": 10}}]}}, "1234"),
        ({"bool": {"should": [{"match_all": {}}, {"term": {"rule.level": 10}}], "minimum_should_match": 2}}, "3"),
        ({"query_string": {"query": "zebra"}}, "2"),
        ({"query_string": {"query": "full_log:zebra OR rule.level:10"}}, "23"),
        ({"query_string": {"query": "agent.name:web-1 AND NOT full_log:zebra"}}, "14"),
        ({"query_string": {"query": '"invalid user"'}}, "2"),
        ({"query_string": {"query": "zeb*"}}, "2"),
        ({"query_string": {"query": "(zebra OR brute) -db"}}, "2"),
        ({"query_string": {"query": "root 203.0.113.1", "default_operator": "AND"}}, "1"),
        ({"query_string": {"query": "_exists_:data.count"}}, "4"),
        ({"query_string": {"query": ""}}, "1234"),
    ],
)
async def test_a_query_finds_what_it_asks_for(indexer, query, found) -> None:
    assert sorted(await indexer.ids(query)) == list(found)


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"script": {"source": "1"}}},
        {"query": {"term": {"a": 1}, "match": {"b": 2}}},
        {"query": {"term": 5}},
        {"query": []},
        {"query": {"range": {"rule.level": {"around": 5}}}},
        {"query": {"range": {"timestamp": {"gte": "yesterday"}}}},
        {"query": {"bool": {"may": []}}},
        {"query": {"query_string": {"query": "(zebra"}}},
        {"query": {"query_string": {"query": "AND"}}},
        {"query": {"query_string": {"query": '"open'}}},
        {"query": {"terms": {"a": 1}}},
        {"sort": [{"timestamp": "sideways"}]},
        {"size": -1},
        {"size": 9000, "from": 9000},
        {"nonsense": 1},
        {"aggs": {"x": {"avg": {"field": "rule.level"}}}},
    ],
)
async def test_a_search_that_cannot_be_read_is_400_with_a_reason(indexer, body) -> None:
    answer = await indexer.http.post(f"/{EVERY}/_search", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["reason"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"5", b'"x"'])
async def test_a_body_that_is_no_search_is_400(indexer, content) -> None:
    assert (await indexer.http.post(f"/{EVERY}/_search", content=content)).status_code == 400


async def test_results_come_in_the_order_asked_for_page_by_page(indexer) -> None:
    newest = [{"timestamp": {"order": "desc"}}]
    assert await indexer.ids({"match_all": {}}, sort=newest) == ["4", "3", "2", "1"]
    assert await indexer.ids({"match_all": {}}, sort=newest, size=2) == ["4", "3"]
    assert await indexer.ids({"match_all": {}}, sort=newest, size=2, **{"from": 2}) == ["2", "1"]
    assert await indexer.ids({"match_all": {}}, sort=[{"agent.name": "desc"}, {"timestamp": "asc"}]) == list("1243")
    assert await indexer.ids({"match_all": {}}, sort=[{"data.count": "asc"}, "timestamp"]) == list("4123")


async def test_a_search_can_be_written_into_the_address(indexer) -> None:
    answer = await indexer.http.get(f"/{EVERY}/_search?q=agent.id:001&sort=timestamp:desc&size=1")

    [hit] = answer.json()["hits"]["hits"]
    assert hit["_id"] == "1795428000.4"
    assert answer.json()["hits"]["total"]["value"] == 3


async def test_the_source_is_cut_to_the_fields_asked_for(indexer) -> None:
    found = await indexer.search({"query": {"term": {"rule.level": 10}}, "_source": ["agent.name", "missing"]})

    [hit] = found["hits"]["hits"]
    assert hit["_source"] == {"agent": {"name": "db-1"}}
    without = await indexer.search({"_source": False, "size": 1})
    assert "_source" not in without["hits"]["hits"][0]


async def test_values_are_counted_over_everything_found(indexer) -> None:
    found = await indexer.search({"size": 0, "aggs": {"agents": {"terms": {"field": "agent.name"}}}})

    assert found["hits"]["hits"] == []
    buckets = found["aggregations"]["agents"]["buckets"]
    assert buckets == [{"key": "web-1", "doc_count": 3}, {"key": "db-1", "doc_count": 1}]


async def test_times_may_be_relative_to_now(indexer) -> None:
    now = dt.datetime.now(dt.UTC).isoformat()
    await indexer.put(alert(5, timestamp=now))

    assert await indexer.ids({"range": {"timestamp": {"gte": "now-1h", "lte": "now"}}}) == ["5"]


async def test_counting_counts(indexer) -> None:
    answer = await indexer.http.post(f"/{EVERY}/_count", json={"query": {"term": {"agent.id": "001"}}})

    assert answer.json()["count"] == 3


async def test_a_pattern_may_match_nothing_but_a_named_index_must_exist(indexer) -> None:
    assert (await indexer.search({}, index="other-*"))["hits"]["total"]["value"] == 0
    assert (await indexer.http.get("/wazuh-alerts-4.x-1999.01.01/_search")).status_code == 404


async def test_search_after_shows_every_document_once_page_by_page(
    indexer: IndexerSide,
) -> None:
    await indexer.put(alert(4, id="1795428000.5"), {"id": "1795428000.6"})
    sort = [
        {"timestamp": {"order": "asc", "unmapped_type": "date"}},
        {"id": {"order": "asc"}},
        {"_seq_no": {"order": "asc"}},
    ]
    found: list[str] = []
    after: dict[str, object] = {}
    while page := (await indexer.search({"size": 2, "sort": sort, **after}))["hits"]["hits"]:
        found += [hit["_id"].partition(".")[2] for hit in page]
        after = {"search_after": page[-1]["sort"]}
    assert found == ["1", "2", "3", "4", "5", "6"]
    moment = dt.datetime.fromisoformat("2026-11-23T10:00:01Z").timestamp() * 1000
    assert (await indexer.search({"size": 1, "sort": sort}))["hits"]["hits"][0]["sort"][:2] == [moment, "1795428000.1"]


async def test_search_after_needs_a_value_for_each_sort(indexer: IndexerSide) -> None:
    asked = {"sort": [{"timestamp": "asc"}], "search_after": [1, 2]}
    assert (await indexer.http.post(f"/{EVERY}/_search", json=asked)).status_code == 400


async def test_many_documents_are_looked_up_at_once(indexer: IndexerSide) -> None:
    docs = [{"_index": INDEX, "_id": f"1795428000.{number}"} for number in (1, 9)]
    docs.append({"_index": "wazuh-alerts-4.x-2026.01.01", "_id": "1795428000.1"})
    answer = (await indexer.http.post("/_mget?_source=false", json={"docs": docs})).json()["docs"]
    assert [one.get("found") for one in answer] == [True, False, None]
    assert answer[2]["error"]["type"] == "index_not_found_exception"
    assert all("_source" not in one for one in answer)

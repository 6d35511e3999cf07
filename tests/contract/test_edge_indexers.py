"""A tenant with three indexers at the real edge: an OpenSearch cluster over the mesh, on stand-in nodes."""

import json
import time
from typing import Any

import pytest

from tests.contract.edge_indexers import (
    among,
    asked,
    found_by_people,
    indexers,
    lose,
    sends,
    tries,
    uuid_of,
    whole,
    words_in,
)
from tests.contract.edge_managers import end, knocked
from tests.contract.edge_process import Edge, random_base32, spec
from tests.contract.edge_visitors import await_running, new_tenant, view, wait_for

pytestmark = pytest.mark.stack

COUNT = 3


@pytest.fixture(scope="module")
def shared_tenant(edge: Edge) -> str:
    made = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{made}", spec(plan=among(COUNT))).status_code == 202
    await_running(edge, made)
    return made


@pytest.fixture
def tenant(edge: Edge, shared_tenant: str) -> str:
    await_whole(edge, shared_tenant)
    return shared_tenant


def await_whole(edge: Edge, tenant: str, count: int = COUNT) -> None:
    wait_for(lambda: whole(edge, tenant, count), f"{count} indexers in one cluster", 60)
    await_running(edge, tenant)


def back_up(edge: Edge, tenant: str) -> None:
    """Has the edge save what is there, which takes a snapshot."""
    body = {"epoch": 1, "idempotency_key": random_base32(20)}
    ordered = edge.call("POST", f"/v1/tenants/{tenant}/backups", body)
    assert ordered.status_code == 202, ordered.text

    def made() -> bool:
        backups = edge.call("GET", f"/v1/tenants/{tenant}/backups").json()["backups"]
        (state,) = [one["state"] for one in backups if one["id"] == ordered.json()["id"]]
        assert state in ("running", "succeeded"), backups
        return bool(state == "succeeded")

    wait_for(made, "the backup")


def everywhere(edge: Edge, tenant: str, words: set[str]) -> bool:
    return all(words <= words_in(edge, node) for node in indexers(edge, tenant).values())


def test_what_comes_in_is_at_every_node_and_each_has_a_row_of_health(edge: Edge, tenant: str) -> None:
    words = sends(edge, tenant, 20)
    wait_for(lambda: everywhere(edge, tenant, words), "the alerts at every indexer")
    assert found_by_people(edge, tenant, words)
    rows = lambda: [one for one in view(edge, tenant)["nodes"] if one["role"] == "indexer"]  # noqa: E731
    wait_for(lambda: [one["health"]["state"] for one in rows()] == ["ok"] * COUNT, "all indexers to be well", 60)
    assert len({uuid_of(edge, node) for node in indexers(edge, tenant).values()}) == 1


@pytest.mark.parametrize("n", [0, 2])
def test_one_that_is_lost_with_its_disk_holds_up_nobody_and_is_filled_by_the_others(
    edge: Edge, tenant: str, n: int
) -> None:
    before = sends(edge, tenant, 30)
    wait_for(lambda: everywhere(edge, tenant, before), "the alerts at every indexer")
    node = indexers(edge, tenant)[(n + 1) % COUNT]
    uuid = uuid_of(edge, node)
    # Whoever is replayed to gets this one back, and so has it; the cluster alone does not.
    (gone, *_) = before
    hit = next(one for one in _hits(edge, node) if one["_source"].get("full_log") == gone)
    assert asked(edge, node, "DELETE", f"/{hit['_index']}/_doc/{hit['_id']}")[0] == 200
    lose(edge, tenant, n)
    meanwhile = sends(edge, tenant, 5)
    wait_for(lambda: found_by_people(edge, tenant, (before - {gone}) | meanwhile), "search and ingest to go on")
    await_whole(edge, tenant)
    assert everywhere(edge, tenant, (before - {gone}) | meanwhile)
    assert not any(gone in words_in(edge, one) for one in indexers(edge, tenant).values()), "there was a replay"
    assert {uuid_of(edge, one) for one in indexers(edge, tenant).values()} == {uuid}


def _hits(edge: Edge, node: Any) -> list[dict[str, Any]]:
    query = {"query": {"match_all": {}}, "size": 10_000}
    hits: list[dict[str, Any]] = asked(edge, node, "POST", "/wazuh-alerts-4.x-*/_search", query)[1]["hits"]["hits"]
    return hits


def test_after_all_are_lost_with_their_disks_snapshot_and_journal_bring_back_every_alert(
    edge: Edge, tenant: str
) -> None:
    saved = sends(edge, tenant, 20)
    wait_for(lambda: everywhere(edge, tenant, saved), "the alerts at every indexer")
    back_up(edge, tenant)
    later = sends(edge, tenant, 20)
    wait_for(lambda: everywhere(edge, tenant, later), "the alerts at every indexer")
    uuid = uuid_of(edge, indexers(edge, tenant)[0])
    lose(edge, tenant, 0, 1, 2)
    down = sends(edge, tenant, 5)
    await_whole(edge, tenant)
    wait_for(lambda: everywhere(edge, tenant, saved | later | down), "every acknowledged alert")
    assert uuid not in {uuid_of(edge, one) for one in indexers(edge, tenant).values()}
    assert found_by_people(edge, tenant, saved | later | down)


def test_after_two_are_lost_with_their_disks_nothing_acknowledged_is(edge: Edge, tenant: str) -> None:
    words = sends(edge, tenant, 10)
    wait_for(lambda: everywhere(edge, tenant, words), "the alerts at every indexer")
    lose(edge, tenant, 1, 2)
    words |= sends(edge, tenant, 5)
    await_whole(edge, tenant)
    wait_for(lambda: everywhere(edge, tenant, words), "every acknowledged alert", 60)


@pytest.mark.parametrize(("what", "run"), [("certs", "rotate"), ("credentials", "rotate_credentials")])
def test_certificates_and_passwords_are_exchanged_with_one_node_down_at_a_time(
    edge: Edge, tenant: str, what: str, run: str
) -> None:
    words = sends(edge, tenant, 10)
    wait_for(lambda: everywhere(edge, tenant, words), "the alerts at every indexer")
    before = indexers(edge, tenant)
    uuid = uuid_of(edge, before[0])
    body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
    assert edge.call("POST", f"/v1/tenants/{tenant}/{what}/rotate", body).status_code == 202
    fewest = COUNT

    def over() -> bool:
        nonlocal fewest, words
        now = view(edge, tenant)
        assert (now["run"]["kind"], now["run"]["state"]) in ((run, "running"), (run, "succeeded")), now["run"]
        states = [one["state"] for one in now["nodes"] if one["role"] == "indexer"]
        fewest = min(fewest, states.count("running"))
        words |= tries(edge, tenant)
        time.sleep(0.2)
        return bool(now["run"]["state"] == "succeeded" and now["observed"] == "running")

    wait_for(over, f"the exchange of {what}", 120)
    assert fewest == COUNT - 1
    await_whole(edge, tenant)
    wait_for(lambda: everywhere(edge, tenant, words), "every alert")
    after = indexers(edge, tenant)
    assert {uuid_of(edge, node) for node in after.values()} == {uuid}, "the cluster lived through it"
    name = "INDEXER_PASSWORD" if what == "credentials" else "NODE_CERTIFICATES"
    assert all(after[n].environment[name] != before[n].environment[name] for n in range(COUNT))
    files = json.loads(after[1].environment["NODE_CERTIFICATES"])
    assert not any("root-ca.key" in name for name in files)


def test_a_node_can_name_its_peers_and_nothing_else(edge: Edge, tenant: str) -> None:
    other = new_tenant(edge)
    hostile = indexers(edge, tenant)[1]
    statuses = {
        target: knocked(hostile, target, host="mesh.internal", **{"x-tenant": other})
        for target in (
            "http://mesh.internal/0",
            "http://mesh.internal/1",
            "http://mesh.internal/3",
            f"http://mesh.internal/0?tenant={other}",
            f"http://mesh.internal/{other}:indexer:0",
            f"http://{other}.mesh.internal/0",
            "http://mesh.internal:9200/0",
            "http://indexer.internal/_cluster/health",
        )
    }
    assert list(statuses.values()) == [101, 404, 404, 101, 403, 502, 502, 502]
    end(edge, other)


def test_from_one_to_three_and_back_nothing_is_lost(edge: Edge) -> None:
    tenant = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{tenant}", spec(plan=among(1))).status_code == 202
    await_running(edge, tenant)
    words = sends(edge, tenant, 20)
    wait_for(lambda: everywhere(edge, tenant, words), "the alerts")
    back_up(edge, tenant)
    for generation, count in ((2, 3), (3, 1)):
        assert edge.call("PUT", f"/v1/tenants/{tenant}", spec(generation, plan=among(count))).status_code == 202

        def reached(generation: int = generation) -> bool:
            words.update(tries(edge, tenant))
            time.sleep(0.3)
            now = view(edge, tenant)
            return (now["observed"], now["observed_generation"]) == ("running", generation)

        sent = len(words)
        wait_for(reached, f"{count} indexers", 120)
        assert len(words) > sent
        await_whole(edge, tenant, count)
        wait_for(lambda: everywhere(edge, tenant, words), "every alert")
        assert found_by_people(edge, tenant, words)
    end(edge, tenant)


def test_two_are_refused_with_the_reason(edge: Edge) -> None:
    refused = edge.call("PUT", f"/v1/tenants/{edge.new_tenant_id()}", spec(plan=among(2)))
    assert refused.status_code == 422
    (fault,) = refused.json()["details"]
    assert fault["path"] == "plan.roles.indexer.count"
    assert "majority" in fault["message"]

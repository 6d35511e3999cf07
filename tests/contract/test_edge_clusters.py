"""A tenant with several managers and three indexers is changed as a whole at the real edge: version, state, sleep."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from local.stack import nodes
from tests.contract.edge_indexers import among, found_by_people, indexers, sends, tries, uuid_of, whole, words_in
from tests.contract.edge_managers import asked
from tests.contract.edge_process import Edge, random_base32, spec
from tests.contract.edge_state import WireAgent
from tests.contract.edge_visitors import Machine, await_running, enroll, new_token, view, wait_for
from tests.contract.test_edge_backups import back_up, restore

pytestmark = pytest.mark.stack

INDEXERS, MANAGERS = range(3), range(2)
OTHER_VERSION = "4.14.6"


def several(version: str) -> dict[str, Any]:
    wanted = among(len(INDEXERS)) | {"version": version}
    wanted["roles"]["manager"]["count"] = len(MANAGERS)
    return wanted


@pytest.fixture(scope="module")
def shared_tenant(edge: Edge) -> str:
    made = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{made}", spec(plan=several("4.14.7"))).status_code == 202
    await_running(edge, made)
    return made


@pytest.fixture
def tenant(edge: Edge, shared_tenant: str) -> str:
    await_all(edge, shared_tenant)
    return shared_tenant


def await_all(edge: Edge, tenant: str) -> None:
    """Waits until all nodes of both clusters are there and each says so."""
    await_running(edge, tenant)
    wait_for(lambda: whole(edge, tenant, len(INDEXERS)), "the indexers' cluster", 60)
    managers = [f"manager-{n}" for n in MANAGERS]
    wait_for(lambda: sorted(one["name"] for one in asked(edge, tenant, "/cluster/nodes")) == managers, "the managers'")


def uuids(edge: Edge, tenant: str) -> set[str]:
    return {uuid_of(edge, node) for node in indexers(edge, tenant).values()}


def everywhere(edge: Edge, tenant: str, words: set[str]) -> bool:
    return all(words <= words_in(edge, node) for node in indexers(edge, tenant).values())


def await_everywhere(edge: Edge, tenant: str, words: set[str]) -> None:
    await_all(edge, tenant)
    wait_for(lambda: everywhere(edge, tenant, words), "every alert at every indexer")
    assert found_by_people(edge, tenant, words)


def order(edge: Edge, tenant: str, what: str) -> int:
    body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
    return int(edge.call("POST", f"/v1/tenants/{tenant}/{what}", body).status_code)


def await_seen(edge: Edge, tenant: str, holds: Callable[[dict[str, Any]], bool], what: str) -> None:
    wait_for(lambda: holds(view(edge, tenant)), what, 120)


def test_asleep_nothing_of_either_cluster_runs_and_a_machine_that_enrolls_wakes_all_of_it(
    edge: Edge, tenant: str
) -> None:
    token = new_token(edge, tenant)
    words = sends(edge, tenant, 20)
    before = uuids(edge, tenant)
    agent = WireAgent(edge, tenant, f"web-{secrets.token_hex(3)}")
    assert agent.says(agent.startup())
    refused = order(edge, tenant, "sleep")
    agent.leave()
    assert refused == 409, "an agent is connected"
    wait_for(lambda: order(edge, tenant, "sleep") == 202, "the tenant to be let sleep")
    await_seen(edge, tenant, lambda now: now["observed"] == "stopped", "it to sleep")
    assert not nodes.running(Machine(edge), tenant)  # type: ignore[arg-type]

    def enrolled() -> bool:
        return enroll(edge, token, "late-1").status_code == 201

    wait_for(enrolled, "an enrollment")
    await_seen(edge, tenant, lambda now: (now["observed"], now["run"]["state"]) == ("running", "succeeded"), "it awake")
    await_everywhere(edge, tenant, words)
    assert not uuids(edge, tenant) & before, "the disks were new"
    for n in MANAGERS:
        known = lambda n=n: "late-1" in [row["name"] for row in asked(edge, tenant, "/agents?select=name", n)]  # noqa: E731
        wait_for(known, f"manager {n} to know the machine")
    assert agent.says(agent.startup()), "the machine of before is known"
    agent.leave()


def test_another_version_comes_to_one_node_at_a_time_in_the_same_cluster(edge: Edge, tenant: str) -> None:
    words, before = sends(edge, tenant, 20), uuids(edge, tenant)
    assert edge.call("PUT", f"/v1/tenants/{tenant}", spec(2, plan=several(OTHER_VERSION))).status_code == 202
    fewest = len(INDEXERS)

    def over(now: dict[str, Any]) -> bool:
        nonlocal fewest
        assert (now["run"]["kind"], now["run"]["state"]) in (("upgrade", "running"), ("upgrade", "succeeded")), now[
            "run"
        ]
        fewest = min(fewest, sum(one["state"] == "running" for one in now["nodes"] if one["role"] == "indexer"))
        words.update(tries(edge, tenant))
        return bool(now["run"]["state"] == "succeeded" and now["observed"] == "running")

    await_seen(edge, tenant, over, "the other version")
    assert fewest == len(INDEXERS) - 1
    tags = {one["image"].rpartition(":")[2] for one in view(edge, tenant)["nodes"] if one["role"] != "certs"}
    assert tags == {OTHER_VERSION}
    assert uuids(edge, tenant) == before, "the cluster lived through it"
    await_everywhere(edge, tenant, words)


def test_a_backup_is_restored_over_the_cluster_and_makes_another_tenant_of_three_nodes(edge: Edge, tenant: str) -> None:
    saved, before = sends(edge, tenant, 20), uuids(edge, tenant)
    wait_for(lambda: everywhere(edge, tenant, saved), "the alerts at every indexer")
    backup = back_up(edge, tenant)
    later = sends(edge, tenant, 5)
    clone = edge.new_tenant_id()
    body = spec(
        plan=among(len(INDEXERS)) | {"version": OTHER_VERSION}, **{"from": {"tenant": tenant, "backup": backup}}
    )
    assert edge.call("PUT", f"/v1/tenants/{clone}", body).status_code == 202
    restore(edge, tenant, backup)
    await_everywhere(edge, tenant, saved | later)
    assert not uuids(edge, tenant) & before, "the cluster was formed anew"
    await_running(edge, clone)
    wait_for(lambda: whole(edge, clone, len(INDEXERS)), "the clone's cluster")
    assert everywhere(edge, clone, saved)
    assert not any(later & words_in(edge, node) for node in indexers(edge, clone).values())
    assert not uuids(edge, clone) & (before | uuids(edge, tenant))


def test_a_version_whose_first_indexer_does_not_serve_is_taken_back_and_nothing_is_lost(
    edge: Edge, tenant: str
) -> None:
    words, before = sends(edge, tenant, 20), uuids(edge, tenant)
    assert edge.call("PUT", f"/v1/tenants/{tenant}", spec(3, plan=several("4.14.7-exits"))).status_code == 202

    def over(now: dict[str, Any]) -> bool:
        words.update(tries(edge, tenant))
        return bool(now["generation"] == 3 and now["run"]["state"] == "failed" and now["observed"] == "running")

    await_seen(edge, tenant, over, "the way back")
    states = {step["name"]: step["state"] for step in view(edge, tenant)["run"]["steps"]}
    assert (states["indexer"], states["rollback"]) == ("failed", "succeeded")
    await_everywhere(edge, tenant, words)
    assert not uuids(edge, tenant) & before, "what a newer node left in the cluster is gone"

"""A tenant with several managers at the real edge: a Wazuh cluster over the mesh, on stand-in nodes."""

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.contract.edge_managers import (
    asked,
    end,
    flooded,
    kill_manager,
    knocked,
    last_place,
    own_manager,
    required,
    several,
    tell,
    upgraded,
)
from tests.contract.edge_process import ON_STAND_IN, Edge, random_base32, spec
from tests.contract.edge_state import agents
from tests.contract.edge_visitors import (
    MIB,
    AgentProcess,
    an_agent,
    await_running,
    enroll,
    memory_of_workerd,
    new_token,
    stored,
    view,
    wait_for,
)

pytestmark = pytest.mark.stack

ALL = [0, 1, 2]
MOVED_SECONDS = 60
"""An agent that was just enrolled begins at the master and moves half a minute later."""


def tenant_with(edge: Edge, count: int) -> str:
    made = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{made}", spec(plan=several(count))).status_code == 202
    await_running(edge, made)
    return made


def resize(edge: Edge, tenant: str, generation: int, count: int, fleet: dict[str, AgentProcess]) -> list[str]:
    """Gives the tenant so many managers while its agents go on; what they said meanwhile."""
    body = spec(generation, plan=several(count))
    assert edge.call("PUT", f"/v1/tenants/{tenant}", body).status_code == 202
    said: list[str] = []

    def done() -> bool:
        said.extend(says(agent) for agent in fleet.values())
        time.sleep(0.3)
        now = view(edge, tenant)
        reached = (now["observed"], now["observed_generation"]) == ("running", generation)
        return reached and managers_of(now) == list(range(count))

    wait_for(done, f"{count} managers", 120)
    return said


def managers_of(now: dict[str, Any]) -> list[int]:
    return [one["n"] for one in now["nodes"] if one["role"] == "manager" and one["state"] == "running"]


def cluster(edge: Edge, tenant: str) -> list[str]:
    return sorted(node["name"] for node in asked(edge, tenant, "/cluster/nodes"))


def says(agent: AgentProcess) -> str:
    word = f"mole{secrets.token_hex(5)}"
    agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
    return word


def places(edge: Edge, tenant: str) -> dict[str, tuple[str, str]]:
    """How each agent is, and where, as the master says."""
    rows = asked(edge, tenant, "/agents?select=id,status,node_name")
    return {row["id"]: (row["status"], row["node_name"]) for row in rows if row["id"] != "000"}


@pytest.fixture(scope="module")
def shared_tenant(edge: Edge) -> str:
    return tenant_with(edge, len(ALL))


@pytest.fixture(scope="module")
def fleet(
    edge: Edge, shared_tenant: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, AgentProcess]]:
    """Agents by their id, each at its own manager."""
    with ExitStack() as stack:
        joined: dict[str, AgentProcess] = {}
        for name in ("web-1", "web-2", "web-3", "web-4", "web-5"):
            agent = stack.enter_context(an_agent(tmp_path_factory.mktemp(name), edge, shared_tenant, name))
            joined[agent.await_connected()] = agent
        await_home(edge, shared_tenant, joined)
        yield joined


def await_home(edge: Edge, tenant: str, fleet: dict[str, AgentProcess]) -> None:
    """Waits until every agent's alerts come from its own manager."""

    def at_home(id: str, agent: AgentProcess) -> bool:
        if last_place(edge, tenant, id) == own_manager(id, ALL):
            return True
        says(agent)
        return False

    for id, agent in fleet.items():
        wait_for(lambda id=id, agent=agent: at_home(id, agent), f"agent {id} at its own manager", MOVED_SECONDS)


@pytest.fixture
def tenant(edge: Edge, shared_tenant: str) -> str:
    await_running(edge, shared_tenant)
    wait_for(lambda: cluster(edge, shared_tenant) == [f"manager-{n}" for n in ALL], "the cluster")
    return shared_tenant


def test_agents_that_the_master_enrolled_work_through_every_manager(
    edge: Edge, tenant: str, fleet: dict[str, AgentProcess]
) -> None:
    assert {own_manager(id, ALL) for id in fleet} == set(ALL), "the agents' ids should cover all managers"
    words = [says(agent) for agent in fleet.values()]
    wait_for(lambda: stored(edge, tenant, words), "an alert of every agent")
    home = {id: ("active", f"manager-{own_manager(id, ALL)}") for id in fleet}
    wait_for(lambda: places(edge, tenant) == home, "the master to know where each is")
    assert all(row["status"] == "active" for row in agents(edge, tenant).values())
    for n in ALL:
        rows = asked(edge, tenant, "/agents?select=id,group", n)
        assert {row["id"]: row["group"] for row in rows if row["id"] != "000"} == {
            id: ["default", "linux"] for id in fleet
        }


def test_each_manager_has_a_row_of_health_and_its_place_in_the_cluster(edge: Edge, tenant: str) -> None:
    rows = wait_for(
        lambda: (
            (found := [one for one in view(edge, tenant)["nodes"] if one["role"] == "manager"])
            and all(one["health"]["state"] == "ok" for one in found)
            and found
        ),
        "all managers to be well",
        60,
    )
    assert [one["n"] for one in rows] == ALL
    health = {item["info"]["name"]: item for item in asked(edge, tenant, "/cluster/healthcheck")}
    assert health["manager-0"]["info"]["type"] == "master"
    assert all(health[f"manager-{n}"]["status"]["sync_integrity_free"] for n in (1, 2))


def test_without_its_master_agents_of_the_workers_go_on_and_new_agents_follow(
    edge: Edge, tenant: str, fleet: dict[str, AgentProcess], tmp_path: Path
) -> None:
    of_workers = [agent for id, agent in fleet.items() if own_manager(id, ALL) != 0]
    connections = [agent.output.read_text().count("connected agent=") for agent in of_workers]
    kill_manager(edge, tenant, 0)
    words = [says(agent) for agent in of_workers]
    fresh = enroll(edge, new_token(edge, tenant), "late-1")
    assert fresh.status_code == 201
    wait_for(lambda: stored(edge, tenant, words), "alerts of the workers' agents")
    assert [agent.output.read_text().count("connected agent=") for agent in of_workers] == connections
    await_running(edge, tenant)
    id = fresh.json()["agent_id"]
    for n in ALL:
        wait_for(
            lambda n=n: id in [row["id"] for row in asked(edge, tenant, "/agents?select=id", n)],
            f"manager {n} to know the new agent",
        )


def test_agents_of_a_killed_worker_are_back_within_a_minute(
    edge: Edge, tenant: str, fleet: dict[str, AgentProcess]
) -> None:
    lost = {id: agent for id, agent in fleet.items() if own_manager(id, ALL) == 1}
    assert lost
    kill_manager(edge, tenant, 1)
    began = time.monotonic()
    times = {id: agent.output.read_text().count("connected agent=") for id, agent in lost.items()}
    wait_for(
        lambda: all(agent.output.read_text().count("connected agent=") > times[id] for id, agent in lost.items()),
        "the agents",
        60,
    )
    words = [says(agent) for agent in lost.values()]
    wait_for(lambda: stored(edge, tenant, words), "their alerts", 60 - (time.monotonic() - began))
    await_running(edge, tenant)


@ON_STAND_IN
def test_a_node_can_name_its_peers_and_nothing_else(edge: Edge, tenant: str) -> None:
    other = tenant_with(edge, 2)
    assert cluster(edge, other) == ["manager-0", "manager-1"]
    hostile = required(edge, tenant, 1)
    claims = {"host": "mesh.internal", "x-tenant": other, "x-forwarded-host": f"{other}.mesh.internal"}
    statuses = {
        target: knocked(hostile, target, **claims)
        for target in (
            "http://mesh.internal/0",
            "http://mesh.internal/1",
            "http://mesh.internal/3",
            f"http://mesh.internal/0?tenant={other}",
            f"http://mesh.internal/{other}:manager:0",
            f"http://{other}.mesh.internal/0",
            "http://mesh.internal:1515/0",
        )
    }
    assert list(statuses.values()) == [101, 404, 404, 101, 403, 502, 502]
    assert knocked(required(edge, other, 1), "http://mesh.internal/2") == 404
    assert cluster(edge, other) == ["manager-0", "manager-1"]
    end(edge, other)


@ON_STAND_IN
def test_a_node_that_floods_a_peer_which_takes_nothing_is_cut_off_and_fills_no_memory(edge: Edge, tenant: str) -> None:
    master, hostile = required(edge, tenant, 0), required(edge, tenant, 1)
    tell(edge, master, "SIGSTOP")
    before = memory_of_workerd(edge)
    try:
        # The container is stopped, not its port: connections are taken by the system and nobody reads them.
        link = upgraded(hostile, "http://mesh.internal/0")
        sent = flooded(link, 256 * MIB)
    finally:
        tell(edge, master, "SIGCONT")
    assert sent < 64 * MIB
    assert memory_of_workerd(edge) - before < 64 * MIB


def test_more_and_fewer_managers_lose_no_agent_and_no_alert(edge: Edge, tmp_path: Path) -> None:
    tenant = tenant_with(edge, 1)
    with ExitStack() as stack:
        joined: dict[str, AgentProcess] = {}
        for name in ("db-1", "db-2", "db-3"):
            agent = stack.enter_context(an_agent(tmp_path / name, edge, tenant, name))
            joined[agent.await_connected()] = agent
        await_heard(edge, tenant, joined)
        said: list[str] = []
        for generation, count in ((2, 3), (3, 1)):
            said += resize(edge, tenant, generation, count, joined)
            wait_for(lambda count=count: cluster(edge, tenant) == [f"manager-{n}" for n in range(count)], "the cluster")
            await_heard(edge, tenant, joined)
        # An agent of 4.x gets no receipt: what it writes in the moment in which its connection ends is nobody's.
        ends = sum(lost_connections(agent) for agent in joined.values())
        wait_for(lambda: len([word for word in said if not stored(edge, tenant, [word])]) <= ends, "every alert")
        assert {last_place(edge, tenant, id) for id in joined} == {0}
    end(edge, tenant)


def test_a_cluster_survives_a_version_that_does_not_serve_new_passwords_and_new_certificates(
    edge: Edge, tmp_path: Path
) -> None:
    tenant = tenant_with(edge, 2)
    both = ["manager-0", "manager-1"]
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        fleet = {agent.await_connected(): agent}
        await_heard(edge, tenant, fleet)
        assert edge.call("PUT", f"/v1/tenants/{tenant}", spec(2, plan=several(2, "4.14.8-blind"))).status_code == 202
        await_ended(edge, tenant, "upgrade", "failed")
        images = {one["image"].rpartition(":")[2] for one in view(edge, tenant)["nodes"] if one["role"] == "manager"}
        assert images == {"4.14.7"}
        wait_for(lambda: cluster(edge, tenant) == both, "the cluster after the way back")
        await_heard(edge, tenant, fleet)
        for what, run in (("credentials", "rotate_credentials"), ("certs", "rotate")):
            key = required(edge, tenant, 0).environment["WAZUH_CLUSTER_KEY"]
            body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
            assert edge.call("POST", f"/v1/tenants/{tenant}/{what}/rotate", body).status_code == 202
            await_ended(edge, tenant, run, "succeeded")
            wait_for(lambda: cluster(edge, tenant) == both, f"the cluster after {run}")
            keys = {required(edge, tenant, n).environment["WAZUH_CLUSTER_KEY"] for n in (0, 1)}
            assert (keys == {key}) == (what == "certs")
            await_heard(edge, tenant, fleet)
    end(edge, tenant)


def await_ended(edge: Edge, tenant: str, kind: str, state: str) -> None:
    def look() -> bool:
        now = view(edge, tenant)
        assert (now["run"]["kind"], now["run"]["state"]) in ((kind, "running"), (kind, state)), now["run"]
        return now["run"]["state"] == state and now["observed"] == "running"

    wait_for(look, f"{kind} to end", 150)


def lost_connections(agent: AgentProcess) -> int:
    """How often its connection ended, without the times it was turned away."""
    lines = agent.output.read_text().splitlines()
    return sum(line.startswith("disconnected") and "rejected" not in line for line in lines)


def await_heard(edge: Edge, tenant: str, fleet: dict[str, AgentProcess]) -> None:
    """Waits until something that each agent says now arrives."""
    for agent in fleet.values():
        wait_for(lambda agent=agent: heard(edge, tenant, agent), "an agent's alert", 60)


def heard(edge: Edge, tenant: str, agent: AgentProcess) -> bool:
    word = says(agent)
    deadline = time.monotonic() + 3
    while not stored(edge, tenant, [word]):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True

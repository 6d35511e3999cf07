"""What a node keeps beyond its container, on real processes that lose their disks."""

import pytest

from tests.contract.edge_process import Edge
from tests.contract.edge_state import WireAgent, agents, lose, node_of, save_now, sealed_everywhere
from tests.contract.edge_visitors import Machine, await_running, new_tenant, wait_for

pytestmark = pytest.mark.stack


@pytest.fixture
def tenant(edge: Edge) -> str:
    made = new_tenant(edge)
    await_running(edge, made)
    return made


def test_a_manager_that_lost_its_disk_refuses_a_recorded_frame_and_knows_agents_and_groups(
    edge: Edge, tenant: str
) -> None:
    agent = WireAgent(edge, tenant, "web-1", groups=["linux"])
    recorded = agent.startup()
    assert agent.says(recorded)
    assert agent.says(agent.frame("#!-Linux |web-1 |6.1 - Wazuh v4.14.7 / " + "a" * 32 + "\n"))
    before = wait_for(lambda: agents(edge, tenant)["web-1"], "the agent")
    save_now(edge, tenant, "manager")
    agent.leave()
    lose(edge, tenant, "manager")
    assert not agent.says(recorded)
    after = agents(edge, tenant)["web-1"]
    assert (after["groups"], after["last_seen_at"]) == (["linux"], before["last_seen_at"])
    assert agent.says(agent.startup())
    agent.leave()


def test_an_enrollment_is_saved_by_the_manager_itself_and_survives_without_a_push(edge: Edge, tenant: str) -> None:
    first = node_of(edge, tenant, "manager")
    agent = WireAgent(edge, tenant, "db-1")
    assert agent.says(agent.startup())
    agent.leave()
    log = lambda: Machine(edge).engine().get(f"/containers/{first.id}/logs", params={"stdout": 1, "stderr": 1}).text  # noqa: E731
    wait_for(lambda: "state saved" in log(), "the manager to save by itself")
    lose(edge, tenant, "manager")
    assert agent.says(agent.startup())
    agent.leave()


def test_nothing_of_a_saved_state_lies_in_the_archive_in_clear(edge: Edge, tenant: str) -> None:
    agent = WireAgent(edge, tenant, "canaryname-1")
    assert agent.says(agent.startup())
    save_now(edge, tenant, "manager")
    assert sealed_everywhere(edge, "canaryname-1")
    assert sealed_everywhere(edge, agent.enrolled["key"])
    agent.leave()

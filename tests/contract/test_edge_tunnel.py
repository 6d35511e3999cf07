"""Agents' connections through the real edge: another's connector, another's agent, deploys, and many at once."""

import asyncio
import secrets
import time
from pathlib import Path

import pytest

from tests.contract.edge_fleet import Fleet
from tests.contract.edge_fleet import enrolled as enrolled_fleet
from tests.contract.edge_process import Edge, free_port, plan, spec
from tests.contract.edge_visitors import (
    MIB,
    an_agent,
    await_running,
    events,
    indexer_of,
    memory_of_workerd,
    new_tenant,
    new_token,
    stored,
    wait_for,
)
from tests.contract.independent_agent import IndependentAgent, Websocat, enrolled

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def shared_tenant(edge: Edge) -> str:
    return new_tenant(edge)


@pytest.fixture
def tenant(edge: Edge, shared_tenant: str) -> str:
    """A running tenant; tests before may have restarted what it runs on."""
    await_running(edge, shared_tenant)
    return shared_tenant


def test_an_agent_written_apart_reports_through_websocat_and_is_back_at_once_when_that_is_killed(
    edge: Edge, tenant: str, tmp_path: Path
) -> None:
    identity = enrolled(edge.url, new_token(edge, tenant), "apart-1")
    agent = IndependentAgent(identity["agent_id"], identity["key"])
    port, word = free_port(), f"mole{secrets.token_hex(4)}"
    connector = (port, identity["manager_url"], identity["connector"], tmp_path / "websocat.log")
    with Websocat(*connector):
        agent.connect(port)
        agent.start_up()
        agent.keep_alive()
        agent.report(
            f"{time.strftime('%b %e %H:%M:%S')} apart-1 sshd[7]: Invalid user {word} from 203.0.113.9 port 4022"
        )
        (hit,) = wait_for(lambda: indexer_of(edge, tenant).alerts_with(word), "the alert in the indexer")
        assert hit["_source"]["agent"]["id"] == identity["agent_id"]
        told = wait_for(lambda: events(edge, tenant, "alert"), "the alert in the stream")
        assert [event["data"]["id"] for event in told] == [hit["_source"]["id"]]
    # The manager refuses a second socket of an agent for a minute: it must have heard at once that the first is gone.
    with Websocat(*connector):
        agent.connect(port)
        agent.start_up()
        agent.keep_alive()


def test_agents_are_back_within_a_minute_after_a_deploy(edge: Edge, tenant: str, tmp_path: Path) -> None:
    """First what a deploy does to objects while their Worker still holds the agent's WebSocket, then a new Worker."""
    with an_agent(tmp_path, edge, tenant, "deployed-1") as agent:
        agent.await_connected()
        for times, deploy in ((2, edge.reset_objects), (3, edge.deploy)):
            started, word = time.monotonic(), f"mole{secrets.token_hex(4)}"
            deploy()
            agent.await_connected(times)
            agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
            wait_for(lambda word=word: stored(edge, tenant, [word]), "an alert after the deploy", 60)
            assert time.monotonic() - started < 60


MANY = 200


def test_200_agents_connect_at_once_report_all_and_cost_little_memory(edge: Edge) -> None:
    tenant = edge.new_tenant_id()
    large = spec(plan=plan() | {"max_agents": MANY, "retention_days": 2})
    assert edge.call("PUT", f"/v1/tenants/{tenant}", large).status_code == 202
    await_running(edge, tenant)
    token, word = new_token(edge, tenant, max_uses=MANY), f"mole{secrets.token_hex(4)}"

    async def report() -> list[tuple[str, float]]:
        fleet, figures = Fleet(), [("before", memory_of_workerd(edge) / MIB)]
        identities = await enrolled_fleet(edge.url, token, [f"fleet-{n}" for n in range(MANY)])
        figures.append(("enrolled", memory_of_workerd(edge) / MIB))
        started = time.monotonic()
        async with fleet.connected(identities):
            figures += [("connected", memory_of_workerd(edge) / MIB), ("seconds", time.monotonic() - started)]
            fleet.log(f"Invalid user {word}-NAME from 203.0.113.9 port 4022")
            await asyncio.to_thread(
                wait_for, lambda: len(events(edge, tenant, "alert")) >= MANY, "an alert of each", 60
            )
            figures.append(("reported", memory_of_workerd(edge) / MIB))
            listed = await asyncio.to_thread(edge.call, "GET", f"/v1/tenants/{tenant}/agents")
        assert [agent["status"] for agent in listed.json()["agents"]] == ["active"] * MANY
        assert not [line for line in fleet.told if not line.startswith("connected ")]
        return figures

    figures = asyncio.run(report())
    print("200 agents, MiB of workerd:", ", ".join(f"{what} {figure:.1f}" for what, figure in figures))
    told = events(edge, tenant, "alert")
    assert len({event["data"]["agent"]["id"] for event in told}) == len(told) == MANY
    memory = dict(figures)
    assert memory["reported"] - memory["enrolled"] < 128

"""What passes through the real edge: an agent's alerts, the dashboard that shows them, and the doors that shut."""

import json
import secrets
import struct
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from local.stack import nodes
from tests.contract.edge_process import ON_STAND_IN, Edge
from tests.contract.edge_visitors import (
    MIB,
    Browser,
    Machine,
    an_agent,
    another_indexer,
    await_running,
    enroll,
    events,
    indexer_of,
    memory_of_workerd,
    new_tenant,
    new_token,
    raw_websocket,
    stored,
    wait_for,
)

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def shared_tenant(edge: Edge) -> str:
    return new_tenant(edge)


@pytest.fixture
def tenant(edge: Edge, shared_tenant: str) -> str:
    """A running tenant; tests before may have killed what it runs on."""
    await_running(edge, shared_tenant)
    return shared_tenant


def test_a_request_without_a_body_may_announce_an_empty_one_but_carry_none(edge: Edge) -> None:
    for method in ("GET", "HEAD"):
        assert httpx.request(method, f"{edge.url}/livez", headers={"content-length": "0"}).status_code == 200
        refusal = httpx.request(method, f"{edge.url}/livez", content=b"{}")
        assert refusal.status_code == 400
    assert httpx.request("GET", f"{edge.url}/livez", content=b"{}").json()["code"] == "BAD_REQUEST"


def test_an_agents_alert_reaches_indexer_stream_and_dashboard(edge: Edge, tenant: str, tmp_path: Path) -> None:
    word, silent = f"mole{secrets.token_hex(4)}", f"quiet{secrets.token_hex(4)}"
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        number = agent.await_connected()
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        agent.log(f"Server listening on {silent} port 22.")
        indexer = indexer_of(edge, tenant)
        (hit,) = wait_for(lambda: indexer.alerts_with(word), "the alert in the indexer")
        assert word in hit["_source"]["full_log"]
        assert len(hit["_id"]) == 64
        alerts = wait_for(lambda: events(edge, tenant, "alert"), "the alert in the stream")
        assert [event["data"]["id"] for event in alerts] == [hit["_source"]["id"]]
        assert alerts[0]["data"]["agent"]["id"] == number
        assert word not in json.dumps(alerts)
        assert not indexer.alerts_with(silent)
        browser = Browser(edge, tenant)
        browser.open()
        assert word in browser.page().text
        indexer.delete(hit)
        assert word not in browser.page().text
        listed = edge.call("GET", f"/v1/tenants/{tenant}/agents").json()
        assert listed["agents"][0] | {"name": "web-1", "status": "active", "groups": ["linux"]} == listed["agents"][0]


def test_killing_the_indexer_with_its_disk_loses_nothing(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    words = [f"mole{secrets.token_hex(4)}" for _ in range(6)]
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        for word in words[:3]:
            agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, words[:3]), "the first alerts")
        machine = Machine(edge)
        (node,) = nodes.running(machine, tenant, "indexer")  # type: ignore[arg-type]
        nodes.destroy(machine, node)  # type: ignore[arg-type]
        for word in words[3:]:
            agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: len(events(edge, tenant, "alert")) == 6, "all digests")
        wait_for(lambda: another_indexer(machine, tenant, node), "another indexer")
        await_running(edge, tenant)
        wait_for(lambda: stored(edge, tenant, words), "every alert in the replacement")
        assert [len(indexer_of(edge, tenant).alerts_with(word)) for word in words] == [1] * 6


def test_a_manager_that_starts_empty_gets_its_agents_back(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        machine = Machine(edge)
        (node,) = nodes.running(machine, tenant, "manager")  # type: ignore[arg-type]
        nodes.destroy(machine, node)  # type: ignore[arg-type]
        agent.await_connected(times=2)
        word = f"mole{secrets.token_hex(4)}"
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, [word]), "an alert after the manager's replacement")


def test_agents_come_back_within_a_minute_after_the_runtime_was_killed(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        edge.kill_workerd()
        edge.start_launcher()
        started = time.monotonic()
        agent.await_connected(times=2)
        word = f"mole{secrets.token_hex(4)}"
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, [word]), "an alert after the restart", 60)
        assert time.monotonic() - started < 60


@ON_STAND_IN
def test_an_agent_and_its_alerts_are_back_soon_after_the_engine_died_twice(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        for _ in range(2):
            edge.engine.kill()
            edge.start_engine()
        await_running(edge, tenant)
        agent.await_connected(times=2)
        word = f"mole{secrets.token_hex(4)}"
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, [word]), "an alert after the engine's death")


def test_a_quarantined_agent_is_cut_off_and_stays_out(edge: Edge, tenant: str, tmp_path: Path) -> None:
    with (
        an_agent(tmp_path / "agent", edge, tenant, "web-9") as agent,
        an_agent(tmp_path / "witness", edge, tenant, "web-10") as witness,
    ):
        number = agent.await_connected()
        witness.await_connected()
        body = {"epoch": 1, "idempotency_key": "q", "reason": "it sends malware"}
        answer = edge.call("POST", f"/v1/tenants/{tenant}/agents/{number}/quarantine", body)
        assert answer.json()["quarantined"] is True
        wait_for(lambda: agent.refusals() > 0, "the agent to be refused")
        word, seen = f"mole{secrets.token_hex(4)}", f"seen{secrets.token_hex(4)}"
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        refused = agent.refusals()
        wait_for(lambda: agent.refusals() > refused, "the agent to try once more with its line")
        witness.log(f"Invalid user {seen} from 203.0.113.9 port 4022")
        wait_for(lambda: indexer_of(edge, tenant).alerts_with(seen), "the witness's alert")
        assert not indexer_of(edge, tenant).alerts_with(word)


def test_a_client_that_ignores_its_close_is_cut_off_and_fills_no_memory(edge: Edge, tenant: str) -> None:
    agent = enroll(edge, new_token(edge, tenant), "flood-1").json()
    connection = raw_websocket(edge, f"/agents/{tenant}/1514", agent["connector"])
    before = memory_of_workerd(edge)
    # Well-formed frames as fast as they go, far faster than a manager takes them; never a look at what comes back.
    payload = f"!{agent['agent_id']}!#AES:".encode() + bytes(60_000)
    frame = struct.pack("<I", len(payload)) + payload
    message = b"\x82\xff" + struct.pack(">Q", len(frame)) + bytes(4) + frame
    offered = 0
    with pytest.raises(OSError, match=r"reset|pipe"):  # noqa: PT012  (which of the sends fails is up to the kernel)
        while offered < 256 * MIB:
            connection.sendall(message)
            offered += len(message)
    assert offered < 64 * MIB
    assert memory_of_workerd(edge) - before < 64 * MIB
    connection.close()


def test_racing_installers_get_exactly_as_many_agents_as_the_token_has_uses(edge: Edge, tenant: str) -> None:
    token = new_token(edge, tenant, max_uses=8)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: enroll(edge, token, f"racer-{n}"), range(32)))
    assert sorted(answer.status_code for answer in answers) == [201] * 8 + [403] * 24
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"TOKEN_USED_UP"}
    assert len({answer.json()["agent_id"] for answer in answers if answer.status_code == 201}) == 8


def test_an_enrollment_that_lost_its_answer_is_repeated_over_a_restart(edge: Edge, tenant: str) -> None:
    token, same = new_token(edge, tenant), str(uuid.uuid4())
    first = enroll(edge, token, "repeat-1", enrollment_id=same)
    edge.kill_workerd()
    edge.start_launcher()
    second = enroll(edge, token, "repeat-1", enrollment_id=same)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()


def test_a_dashboard_that_was_opened_read_only_shows_everything_and_changes_nothing(edge: Edge, tenant: str) -> None:
    group = f"group-{secrets.token_hex(4)}"
    looks, acts = Browser(edge, tenant), Browser(edge, tenant)
    looks.open("admin", variant="read_only")
    acts.open("operator")
    assert looks.page().status_code == 200
    assert "Viewer, read only" in looks.page().text
    assert looks.page("/dashboard/agents").status_code == 200
    assert looks.ask_api("GET", "/groups").status_code == 200
    refused = looks.ask_api("POST", "/groups", {"group_id": group})
    assert (refused.status_code, refused.json()["code"]) == (403, "READ_ONLY")
    assert looks.post("/dashboard/api/anything").json()["code"] == "READ_ONLY"
    assert group not in acts.ask_api("GET", "/groups").text
    assert acts.ask_api("POST", "/groups", {"group_id": group}).status_code == 200
    assert group in looks.ask_api("GET", "/groups").text


def test_no_secret_of_an_enrollment_lies_in_plain_text(edge: Edge, tenant: str) -> None:
    token = new_token(edge, tenant)
    answer = enroll(edge, token, "sealed-1").json()
    needles = [token, answer["key"], answer["connector"]["secret"]]
    files = [
        path for path in edge.root.rglob("*") if path.is_file() and "nodes" not in path.relative_to(edge.root).parts
    ]
    for path in files:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle.encode() in content], path

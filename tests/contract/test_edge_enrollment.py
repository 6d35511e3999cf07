"""Who gets in at the real edge with an enrollment token, and who is thrown out again."""

import re
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.edge_process import Edge, free_port, plan, spec
from tests.contract.edge_visitors import (
    await_running,
    enroll,
    events,
    indexer_of,
    new_tenant,
    new_token,
    serves,
    stored,
    token_id,
    wait_for,
)
from tests.contract.independent_agent import IndependentAgent, Websocat, asked_on_1515

pytestmark = pytest.mark.stack

CLIENTS, USES, KILLS = 64, 40, 3


@pytest.fixture(scope="module")
def shared_tenant(edge: Edge) -> str:
    return new_tenant(edge)


@pytest.fixture
def tenant(edge: Edge, shared_tenant: str) -> str:
    """A running tenant; tests before may have restarted what it runs on."""
    await_running(edge, shared_tenant)
    return shared_tenant


def persistent(edge: Edge, token: str, name: str, same: str) -> httpx.Response:
    """As an installer that does not give up: asks under its own enrollment id until the edge has said yes or no."""
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = enroll(edge, token, name, enrollment_id=same)
            if answer.status_code < 500:
                return answer
        except httpx.TransportError:
            pass  # the edge was killed: whether it took the request is what the next one finds out
        assert time.monotonic() < deadline, f"{name} got no answer"
        time.sleep(0.02)


def test_no_use_of_a_token_is_lost_or_spent_twice_while_64_installers_race_and_the_edge_is_killed(
    edge: Edge, tenant: str
) -> None:
    token = new_token(edge, tenant, max_uses=USES)
    ids = [str(uuid.uuid4()) for _ in range(CLIENTS)]
    race = threading.Barrier(CLIENTS + 1)

    def install(n: int) -> httpx.Response:
        race.wait()
        return persistent(edge, token, f"racer-{n}", ids[n])

    with ThreadPoolExecutor(CLIENTS) as pool:
        racing = [pool.submit(install, n) for n in range(CLIENTS)]
        race.wait()
        for kill in range(KILLS):
            wait_for(lambda done=kill: sum(one.done() for one in racing) > 4 * done, "some to be through")
            edge.crash_workerd()
            wait_for(lambda: serves(edge), "the edge to be back")
        answers = [one.result() for one in racing]

    inside = {n: answer.json() for n, answer in enumerate(answers) if answer.status_code in (200, 201)}
    assert len(inside) == USES
    assert {answer.json()["code"] for n, answer in enumerate(answers) if n not in inside} == {"TOKEN_USED_UP"}
    assert len({agent["agent_id"] for agent in inside.values()}) == USES
    told = edge.call("GET", f"/v1/tenants/{tenant}/tokens/{token_id(token)}").json()
    assert (told["uses"], told["state"]) == (USES, "used_up")
    for n, agent in inside.items():
        again = enroll(edge, token, f"racer-{n}", enrollment_id=ids[n])
        assert (again.status_code, again.json()) == (200, agent)
    assert sorted(agent["id"] for agent in listed_agents(edge, tenant)) == sorted(
        agent["agent_id"] for agent in inside.values()
    )
    wait_for(lambda: len(enrolled(edge, tenant)) >= USES, "every enrollment in the stream")
    assert sorted(enrolled(edge, tenant)) == sorted(agent["agent_id"] for agent in inside.values())


def enrolled(edge: Edge, tenant: str) -> list[str]:
    told = [event["data"] for event in events(edge, tenant, "enrollment")]
    return [data["agent"]["id"] for data in told if data["outcome"] == "enrolled"]


def test_groups_and_labels_of_a_token_reach_its_agent_and_its_alerts(edge: Edge, tenant: str, tmp_path: Path) -> None:
    token = new_token(edge, tenant, groups=["linux"], labels={"site": "Köln", "owner": "web team"})
    identity = enroll(edge, token, "labelled-1").json()
    word = f"mole{secrets.token_hex(4)}"
    with connected(identity, tmp_path) as (agent, _):
        agent.keep_alive()
        agent.take_files()
        assert agent.files.startswith(f"#default.linux.token-{token_id(token)}\n".encode())
        assert agent.labels == {"site": "Köln", "owner": "web team"}
        agent.keep_alive()
        agent.report(f"Nov 26 10:00:00 labelled-1 sshd[7]: Invalid user {word} from 203.0.113.9 port 4022")
        (hit,) = wait_for(lambda: indexer_of(edge, tenant).alerts_with(word), "the alert in the indexer")
    assert hit["_source"]["agent"]["labels"] == agent.labels
    (listed,) = [one for one in listed_agents(edge, tenant) if one["name"] == "labelled-1"]
    assert listed["groups"] == ["linux"]


def listed_agents(edge: Edge, tenant: str) -> list[dict[str, Any]]:
    return list(edge.call("GET", f"/v1/tenants/{tenant}/agents").json()["agents"])


def test_a_leaked_token_is_withdrawn_and_all_its_agents_are_cut_off_at_once(edge: Edge, tmp_path: Path) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    leaked, same = new_token(edge, tenant), str(uuid.uuid4())
    thieves = [enroll(edge, leaked, f"thief-{n}", enrollment_id=same if n == 0 else str(uuid.uuid4())) for n in (0, 1)]
    honest = enroll(edge, new_token(edge, tenant), "honest-1")
    agents = [answer.json() for answer in (*thieves, honest)]
    with ExitStack() as stack:
        first, second, witness = (stack.enter_context(connected(identity, tmp_path)) for identity in agents)
        body = {"epoch": 1, "idempotency_key": "leak", "reason": "it lay in a repository"}
        answer = edge.call("POST", f"/v1/tenants/{tenant}/tokens/{token_id(leaked)}/quarantine", body).json()
        assert (answer["agents"], answer["token"]["state"]) == (2, "revoked")
        for agent, port in (first, second):
            with pytest.raises(ConnectionError):
                agent.keep_alive()
            agent.connect(port)
            with pytest.raises(ConnectionError):
                agent.start_up()
        witness[0].keep_alive()
    assert enroll(edge, leaked, "thief-0", enrollment_id=same).json()["code"] == "TOKEN_REVOKED"
    assert enroll(edge, leaked, "thief-2").json()["code"] == "TOKEN_REVOKED"


def test_agents_are_grouped_restarted_upgraded_and_removed_by_orders_that_the_manager_carries_out(
    edge: Edge, tenant: str, tmp_path: Path
) -> None:
    token = new_token(edge, tenant, groups=["linux"])
    identity = enroll(edge, token, "ordered-1").json()
    number = identity["agent_id"]
    with connected(identity, tmp_path) as (agent, port):
        agent.keep_alive()
        agent.take_files()
        grouped = order(edge, tenant, kind="groups", agents=[number], groups=["web"])
        assert ended(edge, tenant, grouped)["state"] == "done"
        agent.keep_alive()
        agent.take_files()
        assert agent.files.startswith(b"#default.web\n")
        restarted = ended(edge, tenant, order(edge, tenant, kind="restart", agents=[number]))
        assert (restarted["state"], restarted["note"]) == ("done", None)
        # The stand-in has no packages, as a manager whose repository is out of reach.
        upgraded = ended(edge, tenant, order(edge, tenant, kind="upgrade", agents=[number]))
        assert (upgraded["state"], upgraded["note"]) == ("failed", "The repository is not reachable")
        removed = order(edge, tenant, kind="remove", agents=[number])
        assert ended(edge, tenant, removed)["state"] == "done"
        with pytest.raises(ConnectionError):
            agent.keep_alive()
        agent.connect(port)
        with pytest.raises(ConnectionError):
            agent.start_up()
    assert number not in [one["id"] for one in listed_agents(edge, tenant)]
    again = enroll(edge, token, "ordered-1").json()
    assert int(again["agent_id"]) > int(number)
    with connected(again, tmp_path) as (agent, _):
        agent.keep_alive()


def order(edge: Edge, tenant: str, **body: Any) -> str:
    name = "ord_" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(20))
    given = {"epoch": 1, **body}
    answer = edge.call("PUT", f"/v1/tenants/{tenant}/agent-orders/{name}", given)
    assert answer.status_code == 202, answer.text
    assert edge.call("PUT", f"/v1/tenants/{tenant}/agent-orders/{name}", given).status_code == 202
    return name


def ended(edge: Edge, tenant: str, name: str) -> dict[str, Any]:
    """What became of an order about one agent."""

    def result() -> dict[str, Any] | None:
        (one,) = edge.call("GET", f"/v1/tenants/{tenant}/agent-orders/{name}").json()["results"]
        return one if one["state"] in ("done", "failed") else None

    return wait_for(result, "an end of the order")


def test_a_machine_enrolls_by_wazuhs_own_protocol_where_the_plan_lets_it_and_reports_by_its_key(
    edge: Edge, tmp_path: Path
) -> None:
    tenant = edge.new_tenant_id()
    opened = spec(plan=plan() | {"raw_enrollment": True})
    assert edge.call("PUT", f"/v1/tenants/{tenant}", opened).status_code == 202
    await_running(edge, tenant)
    token, port = new_token(edge, tenant, groups=["linux"], max_uses=2), free_port()
    door = f"ws://127.0.0.1:{edge.port}/agents/{tenant}"
    with Websocat(port, f"{door}/1515", {"id": tenant, "secret": token}, tmp_path / "enrolling.log"):
        first = asked_on_1515(dialled(port), "OSSEC A:'raw-1' V:'v4.14.7' G:'linux'")
        read = re.fullmatch(rb"OSSEC K:'(001) raw-1 any ([0-9a-f]{64})'", first)
        assert read, first
        again = asked_on_1515(dialled(port), "OSSEC A:'raw-1'")
        assert again == b"ERROR: Duplicate agent name: raw-1. Unable to add agent"
        stranger = asked_on_1515(dialled(port), "OSSEC A:'raw-2' G:'admins'")
        assert stranger == b"ERROR: Invalid group: admins. Unable to add agent"
        assert asked_on_1515(dialled(port), "OSSEC A:'raw-2'").startswith(b"OSSEC K:'002 raw-2 any ")
        with pytest.raises(OSError, match=r"EOF|reset"):
            asked_on_1515(dialled(port), "OSSEC A:'raw-3'")
    told = [event["data"] for event in events(edge, tenant, "enrollment")]
    reasons = [data.get("reason", data["outcome"]) for data in told]
    assert reasons == ["enrolled", "name_taken", "enrolled", "used_up"]
    number, key = (part.decode() for part in read.groups())
    identity = {"agent_id": number, "key": key, "manager_url": f"{door}/1514"}
    with connected(identity | {"connector": {"id": f"{tenant}.{number}", "secret": key}}, tmp_path) as (agent, _):
        agent.keep_alive()


def test_agents_of_another_manager_report_with_the_keys_that_they_have(edge: Edge, tenant: str, tmp_path: Path) -> None:
    number, key = str(700 + secrets.randbelow(90)), secrets.token_hex(32)
    body = {"epoch": 1, "agents": [{"id": number, "name": f"old-{number}", "key": key}]}
    for outcome in ("imported", "known"):
        answer = edge.call("POST", f"/v1/tenants/{tenant}/agents/import", body)
        assert [one["outcome"] for one in answer.json()["agents"]] == [outcome]
    manager_url = f"ws://127.0.0.1:{edge.port}/agents/{tenant}/1514"
    connector = {"id": f"{tenant}.{number}", "secret": key}
    identity = {"agent_id": number, "key": key, "manager_url": manager_url, "connector": connector}
    with connected(identity, tmp_path) as (agent, _):
        agent.keep_alive()
        word = f"mole{secrets.token_hex(4)}"
        agent.report(f"Nov 27 09:00:00 old sshd[7]: Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, [word]), "the alert of an agent that was imported")


def dialled(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


@contextmanager
def connected(identity: dict[str, Any], folder: Path) -> Iterator[tuple[IndependentAgent, int]]:
    """An agent that reports through a connector of its own, and that one's port."""
    agent, port = IndependentAgent(identity["agent_id"], identity["key"]), free_port()
    log = folder / f"websocat-{identity['agent_id']}.log"
    with Websocat(port, identity["manager_url"], identity["connector"], log):
        agent.connect(port)
        agent.start_up()
        yield agent, port
        agent.leave()

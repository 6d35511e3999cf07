"""Agents of Wazuh 5 at the real edge: enrolled, heard, kept while their tenant sleeps, and shut out."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from local.agent.wazuh5 import Wazuh5Agent, endpoint_of, enroll, enrolled
from tests.contract.edge_process import Edge, plan, random_base32, spec
from tests.contract.edge_visitors import MIB, await_running, events, indexer_of, new_token, stored, view, wait_for

pytestmark = pytest.mark.stack


def words(count: int) -> list[str]:
    return [f"mole{secrets.token_hex(4)}" for _ in range(count)]


def line(word: str) -> str:
    return f"Nov 23 10:00:00 web-1 sshd[4242]: Invalid user {word} from 203.0.113.9 port 4022"


def new_tenant5(edge: Edge) -> str:
    tenant = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{tenant}", spec(plan=plan("5.0.0-rc"))).status_code == 202
    await_running(edge, tenant)
    return tenant


@pytest.fixture(scope="module")
def shared_tenant(edge: Edge) -> str:
    return new_tenant5(edge)


@pytest.fixture
def tenant(edge: Edge, shared_tenant: str) -> str:
    """Runs, whatever the test before did."""
    await_running(edge, shared_tenant)
    return shared_tenant


def an_agent5(edge: Edge, tenant: str) -> Wazuh5Agent:
    agent = enrolled(edge.url, new_token(edge, tenant), f"web-{secrets.token_hex(3)}")
    wait_for(lambda: agent.start().status_code == 200, "the agent's start to be answered")
    return agent


def fall_asleep(edge: Edge, tenant: str) -> None:
    def asked() -> bool:
        body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
        return edge.call("POST", f"/v1/tenants/{tenant}/sleep", body).status_code == 202

    wait_for(asked, "the tenant to be let sleep")
    wait_for(lambda: view(edge, tenant)["observed"] == "stopped", "it to sleep")


def told(edge: Edge, tenant: str, expected: list[str]) -> list[str]:
    """Which of the words the stream's alerts stand for, in its order; found by the alert's id in the indexer."""
    of = {hit["_source"]["id"]: word for word in expected for hit in indexer_of(edge, tenant).alerts_with(word)}
    return [of[event["data"]["id"]] for event in events(edge, tenant, "alert") if event["data"]["id"] in of]


def test_an_agent_enrolls_with_a_token_and_its_alert_reaches_indexer_and_stream(edge: Edge, tenant: str) -> None:
    token = new_token(edge, tenant, max_uses=1)
    agent = enrolled(edge.url, token, "web-1")
    assert agent == enrolled(edge.url, token, "web-1")
    refused = enroll(edge.url, token, "web-2")
    assert (refused.status_code, refused.json()["code"]) == (403, "TOKEN_USED_UP")
    wait_for(lambda: agent.start().status_code == 200, "the agent's start to be answered")
    assert agent.keep_alive().status_code == 200
    (word,) = words(1)
    assert agent.report([line(word), "nothing of interest"]).status_code == 202
    wait_for(lambda: stored(edge, tenant, [word]), "the alert in the indexer")
    wait_for(lambda: told(edge, tenant, [word]) == [word], "the alert in the stream")
    (listed,) = (
        one for one in edge.call("GET", f"/v1/tenants/{tenant}/agents").json()["agents"] if one["id"] == agent.id
    )
    assert (listed["name"], listed["status"], listed["version"]) == ("web-1", "active", "5.0.0")
    assert enroll(edge.url, token, "web-1").json()["code"] == "AGENT_NAME_TAKEN"


def test_what_is_sent_to_a_tenant_that_sleeps_is_analysed_once_and_in_order_over_kills_of_the_edge(
    edge: Edge, tenant: str
) -> None:
    agent = an_agent5(edge, tenant)
    sent = words(24)
    fall_asleep(edge, tenant)
    assert agent.keep_alive().status_code == 503
    assert view(edge, tenant)["sleeping"]
    batches = [agent.batch([line(word)]) for word in sent]
    # No manager is up before the edge was killed: what one took dies with it, and is no more the edge's to keep.
    assert edge.engine
    with edge.engine.frozen():
        for batch in batches[:12]:
            assert agent.send(batch).status_code == 202
        seen = view(edge, tenant)
        assert (seen["sleeping"], bool(seen["detection_delayed_since"])) == (None, True)
        edge.kill_workerd()
    edge.start_launcher()
    # Whoever heard no answer sends again; so may one that did.
    for batch in batches[8:]:
        wait_for(lambda sending=batch: taken(agent, sending), "the batch to be taken")
    wait_for(lambda: stored(edge, tenant, sent[:1]), "the replay to begin", 60)
    edge.crash_workerd()
    wait_for(lambda: calm(edge, tenant), "everything to be replayed", 60)
    wait_for(lambda: stored(edge, tenant, sent), "every alert", 60)
    assert [len(indexer_of(edge, tenant).alerts_with(word)) for word in sent] == [1] * len(sent)
    wait_for(lambda: len(told(edge, tenant, sent)) >= len(sent), "every digest", 60)
    assert told(edge, tenant, sent) == sent
    delays = [event["data"] for event in events(edge, tenant, "lifecycle") if "detection" in event["data"]]
    # Twice, where the first of them were replayed before the rest was sent.
    assert [delay["detection"] for delay in delays] in (["delayed", "caught_up"] * times for times in (1, 2))
    assert delays[0]["since"] == delays[1]["since"] == seen["detection_delayed_since"]


def calm(edge: Edge, tenant: str) -> bool:
    """Whether nothing waits; False also while nobody answers."""
    try:
        return view(edge, tenant)["detection_delayed_since"] is None
    except (httpx.HTTPError, KeyError):
        return False


def taken(agent: Wazuh5Agent, batch: bytes) -> bool:
    try:
        return agent.send(batch).status_code == 202
    except httpx.HTTPError:
        return False


def test_a_quarantined_agent_is_refused_at_once_and_others_are_not(edge: Edge, tenant: str) -> None:
    agent, witness = an_agent5(edge, tenant), an_agent5(edge, tenant)
    body = {"epoch": 1, "idempotency_key": secrets.token_hex(8), "reason": "it sends malware"}
    assert edge.call("POST", f"/v1/tenants/{tenant}/agents/{agent.id}/quarantine", body).json()["quarantined"] is True
    for answer in (agent.start(), agent.keep_alive(), agent.report([line("x")])):
        assert (answer.status_code, answer.json()["code"]) == (403, "AGENT_QUARANTINED")
    (word,) = words(1)
    assert witness.report([line(word)]).status_code == 202
    wait_for(lambda: stored(edge, tenant, [word]), "the witness's alert")


def test_an_agent_of_another_tenant_is_refused_and_wakes_nobody(edge: Edge, tenant: str) -> None:
    agent = an_agent5(edge, tenant)
    other = new_tenant5(edge)
    for _ in range(int(agent.id)):  # the same numbers there, with other keys
        assert enroll(edge.url, new_token(edge, other), f"db-{secrets.token_hex(3)}").status_code == 200
    fall_asleep(edge, other)
    stranger = replace(agent, endpoint=endpoint_of(edge.url, other))
    for answer in (stranger.start(), stranger.report([line("x")])):
        assert (answer.status_code, answer.json()["code"]) == (401, "AGENT_TOKEN_REFUSED")
    assert view(edge, other)["sleeping"]


def test_large_bodies_pass_whole_beside_each_other(edge: Edge, tenant: str) -> None:
    agent = an_agent5(edge, tenant)

    def inventory(_: int) -> int:
        headers = {"authorization": f"Bearer {agent.bearer()}", "protocol-version": "1"}
        return httpx.post(
            f"{agent.endpoint}/stateful", content=b"x" * 15 * MIB, headers=headers, timeout=60
        ).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(inventory, range(8))) == [200] * 8
    headers = {"authorization": f"Bearer {agent.bearer()}", "protocol-version": "1"}
    larger = httpx.post(f"{agent.endpoint}/stateful", content=b"x" * 21 * MIB, headers=headers, timeout=60)
    assert (larger.status_code, larger.json()["code"]) == (413, "BODY_TOO_LARGE")

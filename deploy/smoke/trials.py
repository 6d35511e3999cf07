"""The trials: each does something with the tenant and returns what it saw. Raises NotSo, or Skipped."""

import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy import doors
from deploy.smoke.channel import ping
from deploy.smoke.portal import NotSo, wait_for
from deploy.smoke.trial import Skipped, Trial

BEAT_SECONDS = 180.0
# 0, or 128 + SIGTERM; one that had to be destroyed has 137 or none.
ENDED_BY_THEMSELVES = (0, 143)


def edge_answers(trial: Trial) -> str:
    found = doors.readiness(trial.edge)
    if found.get("status") != "ok":
        raise NotSo(f"{trial.edge}/readyz: {found.get('message')}")
    return f"cell {found['cell']}, runtime {found['runtime']}"


def tenant_starts(trial: Trial) -> str:
    asked = trial.portal.post("/tenants", {"organization": trial.organization, "name": trial.name})
    trial.tenant = asked["tenant"]["id"]
    trial.operation = trial.portal.succeeded(asked["operation"]["id"], trial.patience)
    states = {node["role"]: node["state"] for node in trial.serving()}
    if set(states.values()) != {"running"} or len(states) != 3:
        raise NotSo(f"the nodes are {states}")
    return f"{trial.tenant} runs: {', '.join(step['name'] for step in trial.operation['steps'])}"


def ingest_was_verified(trial: Trial) -> str:
    steps = {step["name"]: step["state"] for step in trial.operation.get("steps", [])}
    if not steps:
        raise Skipped("there is no tenant: it was not made")
    if steps.get("verify") != "succeeded":
        raise NotSo(f"the step verify is {steps.get('verify', 'missing')}")
    return "an alert was written, found and removed"


def indexer_never_restarted(trial: Trial) -> str:
    (indexer,) = [node for node in trial.serving() if node["role"] == "indexer"]
    if indexer["state"] != "running" or indexer.get("restarts", 0):
        raise NotSo(f"the indexer is {indexer['state']} after {indexer.get('restarts')} restarts")
    return "runs since its first start"


def manager_beats(trial: Trial) -> str:
    trial.view()
    beat = wait_for(lambda: _newest(trial, "heartbeat"), "a sign of life of the manager", BEAT_SECONDS)
    return f"event {beat['seq']} of {beat['data'].get('node')}"


def _newest(trial: Trial, kind: str) -> Any:
    found = [event for event in trial.events() if event["kind"] == kind]
    return found[-1] if found else None


def agent_enrolls(trial: Trial) -> str:
    trial.view()
    token = trial.portal.post(f"/tenants/{trial.tenant}/tokens", {"name": "Smoke test", "max_uses": 1})["secret"]
    body = {"token": token, "enrollment_id": str(uuid.uuid4()), "name": "smoke-test", "version": "v4.14.7"}
    # The token travels in the body: an address would be logged.
    answer = wait_for(lambda: _enrolled(trial, body), "the edge to know the token", 60)
    trial.enrolled = answer
    listed = wait_for(lambda: _listed(trial), "the agent in the manager", 120)
    return f"agent {listed['id']} ({listed['name']})"


def _enrolled(trial: Trial, body: dict[str, str]) -> Any:
    answer = httpx.post(f"{trial.edge}/api/agents/enroll", json=body, timeout=30, trust_env=False)
    if answer.is_error and not answer.json().get("retryable") and answer.json().get("code") != "TOKEN_UNKNOWN":
        raise NotSo(f"enrollment answered {answer.status_code} {answer.json().get('code')}")
    return None if answer.is_error else answer.json()


def _listed(trial: Trial) -> Any:
    found = trial.portal.get(f"/tenants/{trial.tenant}/agents")
    complete = not found.get("partial")
    return next((agent for agent in found["results"] if complete and agent["name"] == "smoke-test"), None)


def channel_answers(trial: Trial) -> str:
    if not trial.enrolled:
        raise Skipped("no agent was enrolled")
    credential = trial.enrolled["connector"]
    answered = ping(trial.enrolled["manager_url"], credential["id"], credential["secret"])
    if answered != b"#pong":
        raise NotSo(f"the manager answered {answered[:40]!r}")
    return "#pong"


def dashboard_opens(trial: Trial) -> str:
    trial.view()
    code = trial.portal.post(f"/tenants/{trial.tenant}/dashboard")
    headers = {"origin": trial.portal.address}
    with client_for(code["post_to"]) as (http, address):
        opened = http.post(address, data={"code": code["code"]}, headers={**headers, **_host(code["post_to"])})
        if opened.status_code != 303:
            raise NotSo(f"the code was answered with {opened.status_code}")
        session = opened.headers["set-cookie"].partition(";")[0]
        page = httpx.URL(address).join(opened.headers["location"])
        shown = http.get(page, headers={"cookie": session, **_host(code["post_to"])})
    if shown.status_code not in (200, 302):
        raise NotSo(f"the page answered {shown.status_code}")
    return f"{urlsplit(code['post_to']).netloc} shows a page"


class client_for:
    """A client for a dashboard's address; names below localhost are dialled at the loopback address."""

    def __init__(self, address: str) -> None:
        host = httpx.URL(address)
        local = host.host.endswith(".localhost")
        self._address = str(host.copy_with(host="127.0.0.1")) if local else address
        self._http = httpx.Client(timeout=60, trust_env=False, follow_redirects=False)

    def __enter__(self) -> tuple[httpx.Client, str]:
        return self._http, self._address

    def __exit__(self, *_: object) -> None:
        self._http.close()


def _host(address: str) -> dict[str, str]:
    return {"host": urlsplit(address).netloc}


def real_agent(trial: Trial) -> str:
    if not trial.agent:
        raise Skipped("no official agent was brought in: name one with --agent")
    trial.view()
    agent = wait_for(lambda: _active(trial), f"the agent {trial.agent} to be active", trial.patience)
    if not str(agent.get("version") or "").startswith("4.14"):
        raise NotSo(f"its version is {agent.get('version')}")
    alert = wait_for(lambda: _alert_of(trial), f"an alert of {trial.agent}", trial.patience)
    return f"agent {agent['id']}, rule {alert['data']['rule']['id']}"


def _active(trial: Trial) -> Any:
    agents = trial.portal.get(f"/tenants/{trial.tenant}/agents")["results"]
    return next((each for each in agents if each["name"] == trial.agent and each["status"] == "active"), None)


def _alert_of(trial: Trial) -> Any:
    alerts = [event for event in trial.events() if event["kind"] == "alert"]
    return next((event for event in alerts if event["data"]["agent"]["name"] == trial.agent), None)


def nodes_end_orderly(trial: Trial) -> str:
    trial.view()
    trial.command("/stop")
    ended = {node["role"]: (node["state"], node.get("exit_code")) for node in trial.serving()}
    if any(state != "stopped" or code not in ENDED_BY_THEMSELVES for state, code in ended.values()):
        raise NotSo(f"the nodes ended as {ended}")
    return f"the nodes ended as {ended}"


def tenant_comes_back(trial: Trial) -> str:
    trial.view()
    trial.command("/start")
    if not trial.enrolled:
        raise Skipped("it runs again; no agent was enrolled to look for")
    found = wait_for(lambda: _listed(trial), "the agent in the new manager", 180)
    return f"runs again, agent {found['id']} is there"


def tenant_goes(trial: Trial) -> str:
    trial.view()
    named = {"confirm_name": trial.name}
    binned = trial.portal.delete(f"/tenants/{trial.tenant}", named)
    trial.portal.succeeded(binned["operation"]["id"], trial.patience)
    erased = trial.portal.post(f"/tenants/{trial.tenant}/erase", named)
    trial.portal.succeeded(erased["operation"]["id"], trial.patience)
    status = trial.view()["status"]
    if status != "deleted":
        raise NotSo(f"its status is {status}")
    return "deleted"

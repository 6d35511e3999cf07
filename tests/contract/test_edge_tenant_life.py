"""A tenant's life at the real edge: workerd, containers of the stand-in engine, kills, restarts."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack.nodes import running
from tests.contract.edge_process import ON_STAND_IN, SERVING, Edge, plan, random_base32, spec
from tests.contract.edge_visitors import Browser, Machine, an_agent, indexer_of, stored, wait_for

View = dict[str, Any]


def put(edge: Edge, tenant: str, body: dict[str, Any]) -> View:
    answer = edge.call("PUT", f"/v1/tenants/{tenant}", body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def delete(edge: Edge, tenant: str, generation: int) -> View:
    body = {"epoch": 1, "generation": generation, "operation_id": f"op_{random_base32(20)}"}
    answer = edge.call("DELETE", f"/v1/tenants/{tenant}", body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def look(edge: Edge, tenant: str) -> View:
    answer = edge.call("GET", f"/v1/tenants/{tenant}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def until(edge: Edge, tenant: str, reached: Callable[[View], bool], seconds: float = 60) -> View:
    deadline = time.monotonic() + seconds
    while not reached(view := look(edge, tenant)):
        assert time.monotonic() < deadline, view
        time.sleep(0.05)
    return view


def until_after_restart(edge: Edge, tenant: str, reached: Callable[[View], bool]) -> View:
    """The same while the edge may not answer at all for a moment."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return until(edge, tenant, reached)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def end(edge: Edge, tenant: str) -> None:
    delete(edge, tenant, 99)
    until(edge, tenant, observed("absent"))


def observed(state: str) -> Callable[[View], bool]:
    return lambda view: view["observed"] == state


def node(view: View, role: str) -> View:
    return next(one for one in view["nodes"] if one["role"] == role)


def steps(view: View) -> dict[str, str]:
    return {step["name"]: step["state"] for step in view["run"]["steps"]}


def kill_one_of(edge: Edge, tenant: str, role: str) -> None:
    machine = Machine(edge)
    first, *_ = running(machine, tenant, role)  # type: ignore[arg-type]
    with machine.engine() as engine:
        engine.post(f"/containers/{first.id}/kill", params={"signal": "SIGKILL"}).raise_for_status()


def nodes_running(edge: Edge) -> list[str]:
    """Images of all nodes that run on the engine, whatever the edge says."""
    return [container["Image"] for container in edge.containers() if "proxy-everything" not in container["Image"]]


def running_tenant(edge: Edge) -> str:
    tenant = edge.new_tenant_id()
    put(edge, tenant, spec())
    until(edge, tenant, observed("running"))
    return tenant


def test_a_tenant_runs_within_seconds_with_every_step_recorded(edge: Edge) -> None:
    tenant = edge.new_tenant_id()
    started = time.monotonic()
    put(edge, tenant, spec())
    view = until(edge, tenant, observed("running"))
    # Far above what it takes (about a second): the machine may be busy.
    assert time.monotonic() - started < 20
    assert steps(view) == dict.fromkeys(("certs", "indexer", "manager", "dashboard", "verify"), "succeeded")
    assert all(step["finished_at"] and step["attempts"] == 1 for step in view["run"]["steps"])
    assert {one["role"]: one["state"] for one in view["nodes"]} == {
        "certs": "stopped",
        "indexer": "running",
        "manager": "running",
        "dashboard": "running",
    }
    assert view["runtime"] == edge.runtime
    end(edge, tenant)


def test_its_nodes_say_that_they_are_well_and_what_it_used_is_told_to_its_end(edge: Edge, tmp_path: Path) -> None:
    tenant = running_tenant(edge)
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
    view = until(edge, tenant, lambda view: all(node(view, role)["health"]["state"] != "unknown" for role in SERVING))
    assert {role: node(view, role)["health"]["detail"] for role in SERVING} == dict.fromkeys(SERVING)
    assert view["ingest"]["verified_at"]
    end(edge, tenant)

    def used() -> dict[tuple[str, str | None], float]:
        rows = edge.call("GET", "/v1/usage?after=0").json()["rows"]
        return {(row["kind"], row["role"]): row["quantity"] for row in rows if row["tenant"] == tenant}

    deadline = time.monotonic() + 20
    while not (seconds := used()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert {role for kind, role in seconds if kind == "container_seconds"} == {"certs", *SERVING}
    assert all(0 < seconds["container_seconds", role] < 60 for role in SERVING)
    # Its start, its keepalive and their answers; each is a frame of a hundred bytes and more.
    assert all(100 < seconds[f"tunnel_bytes_{way}", None] < 100_000 for way in ("up", "down"))


@pytest.mark.parametrize("role", SERVING)
def test_a_killed_node_is_started_again(edge: Edge, role: str) -> None:
    tenant = running_tenant(edge)
    edge.kill_node(f"wazuh-{role}")
    view = until(edge, tenant, lambda view: view["observed"] == "running" and node(view, role)["restarts"] == 1)
    assert node(view, role)["exit_code"] == 137
    end(edge, tenant)


def test_a_plans_index_settings_and_dashboards_are_what_runs(edge: Edge) -> None:
    tenant, wanted = edge.new_tenant_id(), plan()
    wanted["roles"]["dashboard"]["count"] = 2
    put(edge, tenant, spec(plan={**wanted, "indexer": {"shards": 3, "refresh_interval_s": 10}}))
    view = until(edge, tenant, observed("running"))
    assert [one["n"] for one in view["nodes"] if one["role"] == "dashboard"] == [0, 1]
    (made,) = indexer_of(edge, tenant).index_settings().values()
    assert made == {"number_of_shards": "3", "number_of_replicas": "0", "refresh_interval": "10s"}
    browser = Browser(edge, tenant)
    browser.open()
    assert browser.page().status_code == 200
    kill_one_of(edge, tenant, "dashboard")
    assert browser.page().status_code == 200
    put(edge, tenant, spec(2))
    fewer = until(edge, tenant, lambda now: now["observed"] == "running" and now["observed_generation"] == 2)
    assert [one["n"] for one in fewer["nodes"] if one["role"] == "dashboard"] == [0]
    assert browser.page().status_code == 200
    end(edge, tenant)


def test_workerd_killed_half_way_converges(edge: Edge) -> None:
    tenant = edge.new_tenant_id()
    put(edge, tenant, spec())
    until(edge, tenant, lambda view: steps(view)["certs"] == "succeeded")
    edge.crash_workerd()
    view = until_after_restart(edge, tenant, observed("running"))
    assert set(steps(view).values()) == {"succeeded"}
    assert view["certificate"]["generation"] == 1
    end(edge, tenant)


def test_nodes_outlive_a_killed_workerd_and_are_watched_again(edge: Edge) -> None:
    tenant = running_tenant(edge)
    before = [node(look(edge, tenant), role)["started_at"] for role in SERVING]
    edge.crash_workerd()
    view = until_after_restart(edge, tenant, observed("running"))
    assert [node(view, role)["started_at"] for role in SERVING] == before
    edge.kill_node("wazuh-manager")
    until(edge, tenant, lambda view: view["observed"] == "running" and node(view, "manager")["restarts"] == 1)
    end(edge, tenant)


def kill_in_the_middle_of_the_managers_drain(edge: Edge, tenant: str) -> None:
    """It drains for two seconds at least, for it had an agent; the container still runs when the runtime is gone."""
    until(edge, tenant, lambda view: node(view, "manager")["state"] == "stopping")
    edge.crash_workerd()
    (container,) = [one for one in edge.containers() if "wazuh-manager" in one["Image"]]
    assert container["State"] == "running"


def test_a_manager_that_was_draining_when_workerd_was_killed_still_ends_by_itself(edge: Edge, tmp_path: Path) -> None:
    tenant, word = running_tenant(edge), f"mole{secrets.token_hex(4)}"
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        agent.log(f"Invalid user {word} from 203.0.113.9 port 4022")
        wait_for(lambda: stored(edge, tenant, [word]), "the alert")
        put(edge, tenant, spec(2, requested="stopped"))
        kill_in_the_middle_of_the_managers_drain(edge, tenant)
        view = until_after_restart(edge, tenant, observed("stopped"))
        # As it ends when it is told to, having saved its state; a node that is destroyed says 137.
        assert (node(view, "manager")["exit_code"], nodes_running(edge)) == (edge.orderly, [])
        put(edge, tenant, spec(3))
        until(edge, tenant, observed("running"))
        agent.await_connected(times=2)
        assert len(indexer_of(edge, tenant).alerts_with(word)) == 1
    end(edge, tenant)


def test_a_rotation_goes_on_with_the_manager_that_was_draining_when_workerd_was_killed(
    edge: Edge, tmp_path: Path
) -> None:
    tenant = running_tenant(edge)
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()
        body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
        assert edge.call("POST", f"/v1/tenants/{tenant}/certs/rotate", body).status_code == 202
        kill_in_the_middle_of_the_managers_drain(edge, tenant)
        view = until_after_restart(edge, tenant, lambda view: view["run"]["state"] != "running")
        assert (view["run"]["kind"], set(steps(view).values())) == ("rotate", {"succeeded"})
        assert [step["attempts"] for step in view["run"]["steps"]] == [1] * len(view["run"]["steps"])
        agent.await_connected(times=2)
    assert len(nodes_running(edge)) == len(SERVING)
    end(edge, tenant)


@ON_STAND_IN
@pytest.mark.parametrize("deaths", [1, 3])
def test_nodes_are_back_soon_after_the_engine_died_under_them(edge: Edge, deaths: int) -> None:
    tenant = running_tenant(edge)
    for _ in range(deaths):
        edge.engine.kill()
        edge.start_engine()
    until(edge, tenant, lambda view: view["observed"] == "running" and node(view, "indexer")["restarts"] >= 1)
    assert len(nodes_running(edge)) == len(SERVING)
    end(edge, tenant)


def test_a_killed_launcher_leaves_nothing_running_twice(edge: Edge) -> None:
    tenant = running_tenant(edge)
    edge.kill_workerd()
    edge.start_launcher()
    until(edge, tenant, lambda view: view["observed"] == "running" and node(view, "indexer")["restarts"] == 1)
    assert len(nodes_running(edge)) == len(SERVING)
    end(edge, tenant)


def test_an_image_that_exits_fails_visibly_and_a_retry_goes_on_from_that_step(edge: Edge) -> None:
    tenant, operation = edge.new_tenant_id(), f"op_{random_base32(20)}"
    put(edge, tenant, spec(operation=operation, plan=plan("4.14.7-exits")))
    failed = until(edge, tenant, observed("failed"), seconds=90)
    assert failed["reason"]["code"] == "NODE_CRASH_LOOP"
    assert failed["run"]["state"] == "failed"
    assert steps(failed) == {
        "certs": "succeeded",
        "indexer": "failed",
        "manager": "pending",
        "dashboard": "pending",
        "verify": "pending",
    }
    put(edge, tenant, spec(2, operation=operation))
    view = until(edge, tenant, observed("running"))
    attempts = {step["name"]: step["attempts"] for step in view["run"]["steps"]}
    assert (attempts["certs"], attempts["indexer"], attempts["manager"]) == (1, 6, 1)
    end(edge, tenant)


def test_a_deleted_tenant_leaves_a_tombstone_and_no_container(edge: Edge) -> None:
    tenant = running_tenant(edge)
    delete(edge, tenant, 2)
    view = until(edge, tenant, observed("absent"))
    assert view["nodes"] == []
    assert nodes_running(edge) == []
    answer = edge.call("PUT", f"/v1/tenants/{tenant}", spec(3))
    assert (answer.status_code, answer.json()["code"]) == (410, "TENANT_DELETED")


def test_many_tenants_start_at_once(edge: Edge) -> None:
    tenants = [edge.new_tenant_id() for _ in range(8)]
    for tenant in tenants:
        put(edge, tenant, spec())
    for tenant in tenants:
        view = until(edge, tenant, observed("running"), seconds=110)
        assert all(1 <= step["attempts"] <= edge.attempts for step in view["run"]["steps"]), view["run"]
    for tenant in tenants:
        delete(edge, tenant, 2)
    for tenant in tenants:
        until(edge, tenant, observed("absent"), seconds=110)
    assert nodes_running(edge) == []


def test_the_feed_tells_every_state_of_a_tenant_in_order(edge: Edge) -> None:
    cursor = edge.call("GET", "/v1/changes?after=0").json()["latest_seq"]
    tenant = running_tenant(edge)
    seen: list[View] = []
    while not seen or seen[-1]["observed"] != "running":
        page = edge.call("GET", f"/v1/changes?after={cursor}&wait=10").json()
        cursor = page["changes"][-1]["seq"]
        seen += [
            change["data"] for change in page["changes"] if (change["tenant"], change["kind"]) == (tenant, "tenant")
        ]
    states = [view["observed"] for view in seen]
    assert states == sorted(states, key=["unknown", "starting", "running"].index)
    assert [view["seq"] for view in seen] == list(range(1, len(seen) + 1))
    end(edge, tenant)

"""The engine under the real workerd: what `ctx.container` does works on it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local.engine_process import ROOT, EngineProcess

LAUNCHER = Path(__file__).parent / "workerd" / "launch.mjs"
NODE = ROOT / "worker" / "node_modules" / ".bin" / "node"


class Workerd:
    """A Worker that does with its container what it is told; see workerd/worker.mjs."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)

    def tell(self, order: str, name: str, **parameters: Any) -> Any:
        return self.http.get(f"/{order}", params={"object": name, **parameters}).json()


@pytest.fixture
def workerd(engine: EngineProcess) -> Iterator[Workerd]:
    environment = {**os.environ, "CLOUDFLARE_CF_FETCH_ENABLED": "false", "CI": "1"}
    command = [NODE, LAUNCHER, engine.socket]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        worker = Workerd(int(process.stdout.readline()))
        yield worker
        worker.http.close()
        process.stdin.close()
        process.wait(20)
    assert engine.call("GET", "/containers/json?all=1").json() == [], "miniflare removes its containers at its end"


def test_a_worker_starts_asks_snapshots_and_ends_its_containers(engine: EngineProcess, workerd: Workerd) -> None:
    health = {"port": 9200, "path": "/_plugins/_security/health"}
    for name in ("a", "b"):
        assert workerd.tell("start", name) is None
        assert workerd.tell("get", name, **health)["status"] == 200

    assert workerd.tell("snapshot", "a")["name"] == "kept"
    assert workerd.tell("signal", "a", number=9)["exitCode"] == 137
    assert workerd.tell("state", "a") == {"running": False}
    assert workerd.tell("start", "a", restore=1) is None
    assert workerd.tell("get", "a", **health)["status"] == 200
    assert workerd.tell("signal", "a", number=15)["exitCode"] == 143

    assert workerd.tell("destroy", "b") == {"running": False}
    assert workerd.tell("start", "b") is None
    assert workerd.tell("get", "b", **health)["status"] == 200


def test_what_a_container_sends_out_is_answered_by_its_own_gate(workerd: Workerd) -> None:
    for name in ("a", "b"):
        workerd.tell("start", name, image="manager")
        [beat] = workerd.tell("gate", name, calls=1)
        assert beat == {"tenant": name, "method": "POST", "url": "http://events.internal/heartbeat"}


def test_a_worker_learns_the_exit_code_of_an_image_that_fails(workerd: Workerd) -> None:
    workerd.tell("start", "c", image="v4147exits")

    assert workerd.tell("exit", "c")["exitCode"] == 1

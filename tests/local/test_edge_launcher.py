"""The launcher of the edge: what it asks of workerd must not stand in the way of what workerd says."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.local.engine_process import ROOT, EngineProcess

NODE = ROOT / "worker/node_modules/.bin/node"
CLASSES = ("TenantObject", "EventStream", "FeedBell")
NODES = {"manager": "Manager", "indexer": "Indexer", "dashboard": "Dashboard", "certs": "Certs"}
LONGEST_START_SECONDS = 60.0
# More than fits between two processes when nobody reads.
TALKATIVE = """
import { DurableObject } from "cloudflare:workers";
export default {
  async fetch() { return new Response("up"); },
  async scheduled({ cron }) { for (let n = 0; n < 1000; n++) console.log(`${cron} ${n} ${"x".repeat(1000)}`); },
};
"""


@pytest.fixture
def configuration(engine: EngineProcess, tmp_path: Path) -> Path:
    names = (*CLASSES, *(f"{name}Container" for name in NODES.values()))
    bundle = tmp_path / "index.js"
    bundle.write_text(TALKATIVE + "".join(f"export class {name} extends DurableObject {{}}\n" for name in names))
    images = {role: {"v4147": f"{role}:4.14.7"} for role in NODES}
    settings = {"port": 0, "engine_socket": engine.socket, "persist": str(tmp_path / "data"), "vars": {}}
    path = tmp_path / "edge.json"
    path.write_text(json.dumps(settings | {"images": images, "bundle": str(bundle)}, default=str))
    return path


def test_the_edge_starts_however_much_it_logs_while_it_sweeps(configuration: Path) -> None:
    environment = {**os.environ, "CLOUDFLARE_CF_FETCH_ENABLED": "false", "CI": "1"}
    launcher = [NODE, ROOT / "local/edge/launch.mjs", configuration]
    with subprocess.Popen(
        launcher, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        too_late = threading.Timer(LONGEST_START_SECONDS, process.kill)
        too_late.start()
        said = [line for line in iter(process.stdout.readline, "") if not ended_once_ready(process, line)]
        too_late.cancel()
    assert f"@reboot 999 {'x' * 1000}\n" in said
    assert process.returncode == 0


def ended_once_ready(process: subprocess.Popen[str], line: str) -> bool:
    if ready := line.startswith("ready http"):
        process.stdin.close()
    return ready

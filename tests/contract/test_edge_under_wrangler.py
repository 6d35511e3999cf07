"""The Worker as Cloudflare's own tool runs it on a developer's machine."""

import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from local.stack.handle import wait_for
from tests.contract.edge_process import NODE, REPOSITORY, free_port


@pytest.mark.stack
def test_wrangler_dev_serves_the_doors_on_keys_of_its_first_run(tmp_path: Path) -> None:
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "CI": "1", "CLOUDFLARE_CF_FETCH_ENABLED": "false"}
    command = [NODE, REPOSITORY / "worker/scripts/dev.mjs", tmp_path / "wrangler"]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
    try:
        alive = wait_for(lambda: answer_of(port), "the Worker under wrangler", 60)
        tenants = httpx.get(f"http://localhost:{port}/v1/tenants")
        assert alive.json() == {"status": "ok", "runtime": "stand-in", "cell": "lo"}
        assert (tenants.status_code, tenants.json()["code"]) == (401, "UNAUTHENTICATED")
        assert (tmp_path / "wrangler/keys.env").stat().st_mode & 0o777 == 0o600
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answer_of(port: int) -> httpx.Response | None:
    try:
        return httpx.get(f"http://localhost:{port}/readyz", timeout=10)
    except httpx.TransportError:
        return None

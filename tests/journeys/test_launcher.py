"""The launcher's promises on the whole stack: the demonstration, a second start, and nothing left after any end."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from local.portal_api import Json, PortalApi
from local.stack.handle import StackHandle, running_stack, wait_for
from local.stack.layout import REPOSITORY
from local.stack.ports import is_free

pytestmark = pytest.mark.stack

STATES = {
    "Alder Dental Group": "running",
    "Baltic Freight": "provisioning",
    "Corvid Analytics": "attention",
    "Dunmore Council": "attention",
    "Eastlake Credit Union": "failed",
    "Fenwick Legal": "stopped",
}


def processes_of(root: Path) -> list[int]:
    """Every process that carries the stack's folder in its environment, as all of the launcher's children do."""
    mark = f"GARRISON_STACK={root}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                said = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in said:
                found.append(int(entry.name))
    return found


def nothing_left(root: Path, ports: list[int]) -> bool:
    return not processes_of(root) and all(is_free(port) for port in ports)


def tenants(api: PortalApi) -> dict[str, Json]:
    """Tenants by their organization's name."""
    names = {row["id"]: row["name"] for row in api.all("/organizations")}
    return {names[row["organization"]]: row for row in api.all("/tenants")}


def states(api: PortalApi) -> dict[str, str]:
    return {organization: row["status"] for organization, row in tenants(api).items()}


def agents(api: PortalApi, organization: str) -> list[str]:
    rows = api.all(f"/tenants/{tenants(api)[organization]['id']}/agents")
    return sorted(row["status"] for row in rows)


def test_the_demonstration_shows_each_state_also_after_a_restart_and_every_end_leaves_nothing(tmp_path: Path) -> None:
    with running_stack(root=tmp_path, seed=True, keep=True) as first:
        known = first.description
        api = PortalApi(known["portal"], known["api_key"])
        wait_for(lambda: states(api) == STATES, "the six clients in their states", 120, every=1)
        wait_for(lambda: agents(api, "Alder Dental Group") == ["active", "active"], "the healthy client's agents", 60)
        wait_for(lambda: agents(api, "Dunmore Council") == ["disconnected"], "the silent agent", 120, every=1)
        assert is_marked_as_seeded(tmp_path)
        ports = list(first.layout.ports.values())
        assert processes_of(tmp_path)
        first.stop(signal.SIGINT)
    wait_for(lambda: nothing_left(tmp_path, ports), "the end of every process after Ctrl-C", 20)
    assert not (tmp_path / "stack.json").exists()

    began = time.monotonic()
    with running_stack(root=tmp_path, seed=True, keep=True) as second:
        print(f"second start: {time.monotonic() - began:.1f} s")
        assert_described(second, known)
        wait_for(lambda: states(api) == STATES, "the states after the restart", 90, every=1)
        wait_for(lambda: agents(api, "Alder Dental Group") == ["active", "active"], "the agents' return", 60)
        assert second.process
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
        wait_for(lambda: nothing_left(tmp_path, ports), "the end of every process after SIGKILL of the launcher", 20)


def is_marked_as_seeded(root: Path) -> bool:
    """Production refuses a database with this mark."""
    with contextlib.closing(sqlite3.connect(root / "portal.sqlite3")) as database:
        return database.execute("SELECT count(*) FROM controlplane_marker WHERE name = 'seeded'").fetchone() == (1,)


def assert_described(stack: StackHandle, before: Json) -> None:
    """The second start is where the first was, for people and scripts alike."""
    known = stack.description
    lasting = ("portal", "edge", "dashboard_zone", "oidc_issuer", "saml_idp", "runtime", "api_key", "users")
    assert {name: known[name] for name in lasting} == {name: before[name] for name in lasting}
    assert [user["email"] for user in known["users"]] == ["maria@northgate.example", "jonas@kestrel.example"]
    ways = [user["sign_in"].split(",")[0] for user in known["users"]]
    assert [httpx.get(way).status_code for way in ways] == [200, 200], "each says where to sign in"
    assert oct((stack.layout.root / "stack.json").stat().st_mode & 0o777) == "0o600"
    assert httpx.get(f"{known['portal']}/readyz").status_code == 200
    assert httpx.get(f"{known['edge']}/readyz").status_code == 200


OWNER_OF_A_STACK = """
import sys
from pathlib import Path
from local.stack.handle import running_stack
with running_stack(root=Path(sys.argv[1]), keep=True):
    sys.stdin.read()
"""
PARTS_BEFORE_THE_PORTAL = 6


def test_a_throw_away_stack_ends_when_what_started_it_is_killed_even_half_way(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER_OF_A_STACK, str(tmp_path)]
    owner = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE)
    wait_for(lambda: len(processes_of(tmp_path)) > PARTS_BEFORE_THE_PORTAL, "the first parts of the stack", 60)
    owner.kill()
    owner.wait()
    owner.stdin.close()
    wait_for(lambda: not processes_of(tmp_path), "the end of every process of the stack", 30)

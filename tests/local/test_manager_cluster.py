"""Several managers: a worker that joins its master through the image's tunnel, and who is refused."""

import asyncio
import base64
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from websockets.asyncio.server import ServerConnection, serve

from tests.local.agent_side import AgentSide
from tests.local.manager_side import KEY, ManagerSide
from tests.local.mesh_side import carried
from tests.local.played import MANAGER_ENVIRONMENT

pytestmark = pytest.mark.anyio

TENANT = "aa" + "b" * 24
CLUSTER = {"TENANT_ID": TENANT, "CLUSTER_DISABLED": "no"}
DEADLINE = 20.0


class Gate:
    """Plays `mesh.internal`: each WebSocket leads to the port that is set."""

    port = 0

    def __init__(self) -> None:
        self.url = ""

    async def carry(self, connection: ServerConnection) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        await carried(connection, reader, writer)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    made = Gate()
    async with serve(made.carry, "127.0.0.1", 0, compression=None) as server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


@pytest.fixture
async def master(play, edge, gate: Gate) -> ManagerSide:
    side = await ManagerSide(await play("manager", HTTP_PROXY=edge.address, NODE_TYPE="master", **CLUSTER)).sign_in()
    gate.port = side.node.ports[1516]
    return side


@pytest.fixture
def join(play, gate: Gate, tmp_path: Path) -> Callable[..., Awaitable[ManagerSide]]:
    async def start(**more: str) -> ManagerSide:
        mesh = {"NODE_TYPE": "worker", "NODE_NAME": "manager-1", "MESH_URL": gate.url, "MESH_LISTEN": "1516=0"}
        node = await play("manager", disk=tmp_path / "worker", **{**CLUSTER, **mesh, **more})
        return await ManagerSide(node).sign_in()

    return start


async def until(look: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not await look():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.05)


async def joined(master: ManagerSide) -> None:
    async def look() -> bool:
        nodes = await master.call("GET", "/cluster/nodes")
        return [node["name"] for node in nodes["data"]["affected_items"]] == ["manager-0", "manager-1"]

    await until(look, "the worker to join")


def knows(side: ManagerSide, id: str, **expected: object) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        rows = (await side.call("GET", f"/agents?agents_list={id}"))["data"]["affected_items"]
        return bool(rows) and all(rows[0].get(name) == value for name, value in expected.items())

    return look


async def test_a_worker_takes_agents_and_groups_and_tells_who_speaks_to_it(master, join) -> None:
    worker = await join()
    await joined(master)
    await master.insert()
    await master.call("POST", "/groups", {"group_id": "linux"})
    await master.call("PUT", "/agents/001/group/linux")
    await until(knows(worker, "001", group=["default", "linux"]), "the agent at the worker")
    async with AgentSide(worker.node.ports[1514], "001", KEY) as web:
        await web.start()
        await until(knows(master, "001", status="active", node_name="manager-1"), "the agent at the master")
        health = (await master.call("GET", "/cluster/healthcheck"))["data"]["affected_items"]
        assert [item["info"]["n_active_agents"] for item in health] == [0, 1]
        await master.call("DELETE", "/agents?agents_list=001&status=all&older_than=0s")
        await asyncio.wait_for(web.reader.read(), DEADLINE)
    listed = (await worker.call("GET", "/agents"))["data"]["affected_items"]
    assert [row["id"] for row in listed] == ["000"]


async def test_the_masters_api_tells_of_its_workers_and_of_no_others(master, join) -> None:
    await join()
    await joined(master)
    status = await master.call("GET", "/cluster/manager-1/status")
    assert status["data"]["affected_items"][0]["wazuh-clusterd"] == "running"

    async def compared() -> bool:
        (item,) = (await master.call("GET", "/cluster/healthcheck?nodes_list=manager-1"))["data"]["affected_items"]
        return not item["status"]["last_check_integrity"]["date_end_master"].startswith("1970")

    await until(compared, "the first comparison")
    for path in ("/cluster/healthcheck?nodes_list=manager-7", "/cluster/manager-7/status"):
        (failed,) = (await master.call("GET", path))["data"]["failed_items"]
        assert failed["error"]["code"] == 1730


async def test_a_worker_goes_on_without_its_master_and_finds_the_next_one(master, join, play, edge, gate) -> None:
    worker = await join()
    await joined(master)
    await master.insert()
    await until(knows(worker, "001"), "the agent at the worker")
    await master.node.stop()
    async with AgentSide(worker.node.ports[1514], "001", KEY) as web:
        await web.start()
        node = await play("manager", disk=master.node.disk, HTTP_PROXY=edge.address, NODE_TYPE="master", **CLUSTER)
        next_master = await ManagerSide(node).sign_in()
        gate.port = node.ports[1516]
        await joined(next_master)
        await until(knows(next_master, "001", status="active", node_name="manager-1"), "the agent at the next master")


async def test_another_key_lets_nobody_in(master, join) -> None:
    worker = await join(WAZUH_CLUSTER_KEY="x" * 32)

    async def told() -> bool:
        said = master.node.log()
        return any("the cluster keys differ" in str(line.get("reason")) for line in said)

    await until(told, "the master to refuse")
    nodes = (await master.call("GET", "/cluster/nodes"))["data"]["affected_items"]
    assert [node["name"] for node in nodes] == ["manager-0"]
    assert not any(line["message"] == "joined the master" for line in worker.node.log())


async def greeted(port: int, hello: str) -> tuple[int, bytes, bytes]:
    """Counter, command and payload that answer a hello, from a frame that is made here by hand."""
    cipher = Fernet(base64.urlsafe_b64encode(MANAGER_ENVIRONMENT["WAZUH_CLUSTER_KEY"].encode()))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    payload = cipher.encrypt(hello.encode())
    writer.write(struct.pack("!2I12s", 77, len(payload), b"hello ------") + payload)
    counter, size, command = struct.unpack("!2I12s", await reader.readexactly(20))
    answer = cipher.decrypt(await reader.readexactly(size))
    writer.close()
    return counter, command, answer


@pytest.mark.parametrize(
    ("hello", "command", "said"),
    [
        (f"manager-1 {TENANT} worker 4.14.7", b"ok ---------", b"Client manager-1 added"),
        ("manager-1 another worker 4.14.7", b"err --------", b"Error 3030"),
        (f"manager-1 {TENANT} master 4.14.7", b"err --------", b"Error 3030"),
        (f"manager-1 {TENANT} worker 4.14.6", b"err --------", b"Error 3031"),
        (f"manager-0 {TENANT} worker 4.14.7", b"err --------", b"Error 3028"),
        ("manager-1", b"err --------", b"Error 3022"),
    ],
)
async def test_a_hello_names_node_cluster_type_and_version(master, hello: str, command: bytes, said: bytes) -> None:
    answered = await greeted(master.node.ports[1516], hello)
    assert answered[:2] == (77, command)
    assert answered[2].startswith(said)


async def test_a_manager_alone_listens_for_nobody_and_is_no_cluster(play, edge) -> None:
    side = await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()
    assert 1516 not in side.node.ports
    assert (await side.call("GET", "/cluster/status"))["data"] == {"enabled": "no", "running": "no"}

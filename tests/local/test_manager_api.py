"""The server API on 55000, in the shapes of Wazuh 4.14.7."""

import base64

import httpx
import jwt
import pytest

from tests.local.agent_side import AgentSide
from tests.local.manager_side import BASIC, KEY, ManagerSide
from tests.local.played import MANAGER_ENVIRONMENT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    return await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()


async def test_signing_in_gives_a_token_for_900_seconds(manager) -> None:
    answer = await manager.http.post("/security/user/authenticate?raw=true", auth=BASIC)

    claims = jwt.decode(answer.text, options={"verify_signature": False})
    assert claims["exp"] - claims["nbf"] == 900
    assert claims["sub"] == BASIC[0]


async def test_a_wrong_password_a_forged_or_an_expired_token_is_401(manager, monkeypatch) -> None:
    assert (await manager.http.post("/security/user/authenticate", auth=(BASIC[0], "guess"))).status_code == 401

    monkeypatch.setattr("local.nodes.manager.api.sessions.TOKEN_SECONDS", -1)
    await manager.sign_in()
    expired = await manager.http.get("/agents")
    assert expired.status_code == 401
    assert expired.json()["detail"] == "Token expired"

    del manager.http.headers["authorization"]
    assert (await manager.http.get("/agents")).status_code == 401
    forged = jwt.encode({"sub": "wazuh-wui"}, "x" * 64, "HS512")
    assert (await manager.http.get("/agents", headers={"authorization": f"Bearer {forged}"})).status_code == 401


async def test_guessing_passwords_is_blocked_after_fifty_failures(manager) -> None:
    for _ in range(50):
        await manager.http.post("/security/user/authenticate", auth=(BASIC[0], "guess"))

    blocked = await manager.http.post("/security/user/authenticate", auth=BASIC)

    assert blocked.status_code == 403
    assert blocked.json()["code"] == 6000
    elsewhere = manager.node.client(55000, transport=httpx.AsyncHTTPTransport(local_address="127.0.0.2"))
    assert (await elsewhere.post("/security/user/authenticate", auth=BASIC)).status_code == 200


async def test_the_301st_request_of_a_minute_is_429(manager) -> None:
    statuses = [(await manager.http.get("/")).status_code for _ in range(301)]

    assert statuses[0] == 200
    assert statuses[-1] == 429
    refusal = (await manager.http.get("/")).json()
    assert refusal["title"] == "Wazuh Error"
    assert refusal["code"] == 6001


async def test_an_inserted_agent_has_the_id_and_key_it_was_given(manager) -> None:
    answer = await manager.http.post("/agents/insert", json={"id": "007", "name": "web-1", "key": KEY, "ip": "any"})

    key = base64.b64decode(answer.json()["data"]["key"]).decode()
    assert answer.json()["error"] == 0
    assert key == f"007 web-1 any {KEY}"
    listed = await manager.call("GET", "/agents/007/key")
    assert base64.b64decode(listed["data"]["affected_items"][0]["key"]).decode() == key


async def test_an_added_agent_gets_the_next_id_and_a_key_of_its_own(manager) -> None:
    await manager.insert("041", "web-1")

    answer = await manager.call("POST", "/agents", {"name": "db-1"})

    assert answer["data"]["id"] == "042"
    assert KEY not in base64.b64decode(answer["data"]["key"]).decode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"id": "001", "name": "db-1", "key": KEY}, 1708),
        ({"id": "002", "name": "web-1", "key": KEY}, 1705),
        ({"id": "002", "name": "web 1", "key": KEY}, 1738),
        ({"id": "002", "name": "db-1\n", "key": KEY}, 1738),
        ({"id": "002", "name": "db-1", "key": KEY + "\n"}, 1709),
        ({"id": "002\n", "name": "db-1", "key": KEY}, 4000),
        ({"id": "002", "name": "db-1", "key": KEY, "ip": f"any {KEY}\n003 root any"}, 1706),
        ({"id": "002", "name": "db-1", "key": KEY, "ip": "10.0.0.5\n"}, 1706),
        ({"id": "002", "name": "db-1", "key": KEY, "ip": "fe80::1%a b"}, 1706),
        ({"id": "002", "name": "db-1", "key": "short"}, 1709),
        ({"id": "x", "name": "db-1", "key": KEY}, 4000),
    ],
)
async def test_an_agent_that_cannot_be_inserted_is_refused_with_wazuhs_code(manager, body, code) -> None:
    await manager.insert()

    answer = await manager.http.post("/agents/insert", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"] == code
    assert answer.json()["title"] == "Bad Request"
    keys = (manager.node.disk / "etc" / "client.keys").read_text()
    assert keys == f"001 web-1 any {KEY}\n"


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"name": 5}, {"name": "db-1", "id": 5}, {"name": "db-1", "key": []}, {"name": "db-1", "ip": 5}],
)
async def test_a_body_that_is_no_agent_is_400(manager, body) -> None:
    assert (await manager.http.post("/agents/insert", json=body)).status_code == 400


async def test_force_replaces_an_agent_that_is_not_connected(manager) -> None:
    await manager.insert()

    body = {"id": "001", "name": "web-1", "key": "f" * 64, "force": {"enabled": True}}
    assert (await manager.call("POST", "/agents/insert", body))["error"] == 0

    listed = await manager.call("GET", "/agents/001/key")
    assert base64.b64decode(listed["data"]["affected_items"][0]["key"]).decode().endswith("f" * 64)


@pytest.mark.parametrize(
    "body",
    [
        {"id": "001", "name": "web 1", "key": "f" * 64},
        {"id": "001", "name": "web-1", "key": "short"},
        {"id": "001", "name": "web-1", "key": "f" * 64, "ip": "nowhere"},
        {"id": "002", "name": "web-1", "key": "f" * 64},
    ],
)
async def test_force_removes_nobody_for_an_agent_that_cannot_be_inserted(manager, body) -> None:
    await manager.insert()
    await manager.insert("002", "db-1", "e" * 64)
    async with AgentSide(manager.node.ports[1514], "002", "e" * 64) as database:
        await database.start()  # who is connected gives way to nobody

        answer = await manager.http.post("/agents/insert", json={**body, "force": {"enabled": True}})

    assert answer.status_code == 400
    listed = await manager.call("GET", "/agents/001/key")
    assert base64.b64decode(listed["data"]["affected_items"][0]["key"]).decode() == f"001 web-1 any {KEY}"


async def test_an_agent_is_tied_to_the_address_it_is_inserted_with(manager) -> None:
    for id, given, kept in (
        ("001", "10.0.0.5", "10.0.0.5"),
        ("002", "10.0.0.0/8", "10.0.0.0/8"),
        ("003", "ANY", "any"),
    ):
        body = {"id": id, "name": f"web-{id}", "key": KEY, "ip": given}
        assert (await manager.http.post("/agents/insert", json=body)).status_code == 200
        assert (await manager.agent(id))["registerIP"] == kept


async def test_a_line_of_client_keys_that_is_no_agents_does_not_keep_the_manager_from_starting(play, edge) -> None:
    node = await play("manager", HTTP_PROXY=edge.address)
    await node.stop()
    keys = node.disk / "etc" / "client.keys"
    keys.write_text(f"001 web-1 any {KEY}\n\nhalf a line\n002 !gone any {KEY}\n003 db-1 a b {KEY}\n")

    restarted = await ManagerSide(await play("manager", disk=node.disk, HTTP_PROXY=edge.address)).sign_in()

    assert [agent["id"] for agent in (await restarted.call("GET", "/agents"))["data"]["affected_items"]] == [
        "000",
        "001",
    ]


async def test_a_list_of_agents_is_filtered_sorted_cut_and_projected(manager) -> None:
    for number in range(1, 6):
        await manager.insert(f"00{number}", f"web-{number}")

    answer = await manager.call("GET", "/agents?sort=-id&limit=2&offset=1&select=id,name&status=never_connected")

    assert answer["data"]["affected_items"] == [{"id": "004", "name": "web-4"}, {"id": "003", "name": "web-3"}]
    assert answer["data"]["total_affected_items"] == 5
    assert (await manager.http.get("/agents?limit=0")).status_code == 400
    assert (await manager.http.get("/agents?nonsense=1")).status_code == 400
    everything = await manager.call("GET", "/agents")
    assert everything["data"]["affected_items"][0]["id"] == "000", "the manager lists itself"


async def test_agents_that_were_heard_within_a_week_are_kept_unless_another_age_is_given(manager) -> None:
    await manager.insert()

    answer = await manager.call("DELETE", "/agents?agents_list=001&status=all")

    assert answer["data"]["failed_items"][0]["error"]["code"] == 1731
    assert (await manager.http.delete("/agents?agents_list=001&status=all&older_than=soon")).status_code == 400


async def test_deleting_agents_names_those_that_were_not_there(manager) -> None:
    await manager.insert()

    answer = await manager.call("DELETE", "/agents?agents_list=001,999&status=all&older_than=0s")

    assert answer["error"] == 2
    assert answer["data"]["affected_items"] == ["001"]
    [failure] = answer["data"]["failed_items"]
    assert failure["id"] == ["999"]
    assert failure["error"]["code"] == 1701


async def test_the_summary_counts_by_status(manager) -> None:
    await manager.insert()

    data = (await manager.call("GET", "/agents/summary/status"))["data"]

    assert data["connection"] == {"active": 0, "disconnected": 0, "never_connected": 1, "pending": 0, "total": 1}
    assert data["configuration"] == {"synced": 0, "not_synced": 1, "total": 1}


async def test_agents_are_put_into_groups_that_exist(manager) -> None:
    await manager.insert()

    assert (await manager.call("PUT", "/agents/001/group/linux"))["data"]["failed_items"][0]["error"]["code"] == 1710
    assert (await manager.call("POST", "/groups", {"group_id": "linux"}))["message"] == "Group 'linux' created"
    assert (await manager.call("POST", "/groups", {"group_id": "linux"}))["error"] == 1711
    assert (await manager.call("PUT", "/agents/001/group/linux"))["error"] == 0
    assert (await manager.agent())["group"] == ["default", "linux"]
    assert (await manager.call("GET", "/groups"))["data"]["affected_items"][1]["count"] == 1
    assert (await manager.call("GET", "/groups/linux/agents"))["data"]["total_affected_items"] == 1
    assert (await manager.call("DELETE", "/groups?groups_list=linux"))["data"]["affected_items"] == ["linux"]
    assert (await manager.agent())["group"] == ["default"]


@pytest.mark.parametrize("name", ["..", "all", "a b", "linux\n", "", "x" * 129, 5, None])
async def test_a_group_needs_a_name(manager, name) -> None:
    assert (await manager.http.post("/groups", json={"group_id": name})).status_code == 400


async def test_the_node_describes_itself(manager) -> None:
    info = (await manager.call("GET", "/manager/info"))["data"]["affected_items"][0]
    status = (await manager.call("GET", "/manager/status"))["data"]["affected_items"][0]

    assert info["version"] == "v4.14.7"
    assert status["wazuh-remoted"] == "running"
    assert (await manager.call("GET", "/cluster/status"))["data"] == {"enabled": "no", "running": "no"}
    assert (await manager.call("GET", "/cluster/nodes"))["data"]["affected_items"][0]["name"] == "manager-0"
    assert (await manager.call("GET", "/cluster/healthcheck"))["data"]["affected_items"][0]["info"][
        "n_active_agents"
    ] == 0
    assert (await manager.call("GET", "/cluster/local/info"))["data"]["affected_items"][0]["type"] == "master"


async def test_every_answer_says_that_it_comes_from_a_stand_in(manager) -> None:
    assert (await manager.http.get("/")).headers["server"] == "garrison-stand-in"


async def test_a_changed_password_ends_the_tokens_of_before(manager) -> None:
    answer = await manager.http.put("/security/users/1", json={"password": "Another.2-password"})
    assert answer.json()["error"] == 0

    assert (await manager.http.get("/agents")).status_code == 401
    assert (await manager.http.post("/security/user/authenticate", auth=BASIC)).status_code == 401
    assert (
        await manager.http.post("/security/user/authenticate", auth=(BASIC[0], "Another.2-password"))
    ).status_code == 200


async def test_a_weak_password_is_refused(manager) -> None:
    assert (await manager.http.put("/security/users/1", json={"password": "password"})).json()["error"] == 5007


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PATCH", "/agents", 405)])
async def test_what_the_api_does_not_know_is_refused(manager, method, path, status) -> None:
    assert (await manager.http.request(method, path)).status_code == status


@pytest.mark.parametrize("missing", ["INDEXER_PASSWORD", "API_PASSWORD", "WAZUH_CLUSTER_KEY"])
async def test_a_manager_without_a_credential_does_not_start(play, missing) -> None:
    node = await play("manager", **{missing: ""})

    assert await node.stop() == 1
    assert missing in node.log()[0]["message"]


async def test_no_secret_gets_into_the_managers_log(manager) -> None:
    await manager.insert()
    await manager.http.post("/security/user/authenticate", auth=(BASIC[0], "guessed-password"))

    log = manager.node.output.getvalue()
    for secret in (
        KEY,
        "guessed-password",
        *(MANAGER_ENVIRONMENT[name] for name in MANAGER_ENVIRONMENT if "PASS" in name),
    ):
        assert secret not in log

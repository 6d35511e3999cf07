"""Rules for authorization contexts, tokens for them, and upgrades: what the stand-in keeps and what it refuses."""

import jwt
import pytest

from tests.local.agent_side import AgentSide
from tests.local.manager_side import BASIC, KEY, ManagerSide

pytestmark = pytest.mark.anyio

RULE = {"FIND": {"user_name": "usr_alice"}}
RUN_AS = "/security/user/authenticate/run_as"


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    return await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()


async def test_a_security_rule_is_listed_also_after_a_restart(manager, play, edge) -> None:
    answer = await manager.call("POST", "/security/rules", {"name": "alice", "rule": RULE})
    entry = {"id": 100, "name": "alice", "rule": RULE, "roles": []}
    assert answer["data"]["affected_items"] == [entry]
    assert answer["message"] == "Security rule was successfully created"

    await manager.node.stop()
    restarted = await ManagerSide(await play("manager", disk=manager.node.disk, HTTP_PROXY=edge.address)).sign_in()
    assert (await restarted.call("GET", "/security/rules"))["data"]["affected_items"] == [entry]


@pytest.mark.parametrize("again", [{"name": "alice", "rule": {"FIND": {}}}, {"name": "bob", "rule": RULE}])
async def test_a_security_rule_has_a_name_and_a_content_of_its_own(manager, again) -> None:
    await manager.call("POST", "/security/rules", {"name": "alice", "rule": RULE})

    answer = await manager.call("POST", "/security/rules", again)

    assert answer["error"] == 1
    assert answer["data"]["failed_items"][0]["error"]["code"] == 4005


@pytest.mark.parametrize("body", [[], {"rule": RULE}, {"name": "alice"}, {"name": "a\n", "rule": RULE}])
async def test_what_is_no_security_rule_is_400(manager, body) -> None:
    assert (await manager.http.post("/security/rules", json=body)).status_code == 400


async def test_a_context_that_meets_no_role_gets_a_token_that_permits_nothing(manager) -> None:
    answer = await manager.http.post(RUN_AS, json={"user_name": "usr_alice"}, auth=BASIC)

    token = answer.json()["data"]["token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["run_as"] is True
    assert claims["rbac_roles"] == []
    assert claims["hash_auth_context"]
    refused = await manager.http.get("/agents", headers={"authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    assert refused.json()["error"] == 4000


async def test_a_context_needs_the_password_a_body_and_a_user_who_may_have_one(manager, play, edge, tmp_path) -> None:
    assert (await manager.http.post(RUN_AS, json={}, auth=(BASIC[0], "guess"))).status_code == 401
    assert (await manager.http.post(RUN_AS, content=b"[]", auth=BASIC)).status_code == 400
    [user] = (await manager.call("GET", "/security/users"))["data"]["affected_items"]
    assert user["allow_run_as"] is True

    other = await play("manager", disk=tmp_path / "other", HTTP_PROXY=edge.address, API_USERNAME="wazuh")
    refused = await other.client(55000).post(RUN_AS, json={}, auth=("wazuh", BASIC[1]))
    assert refused.status_code == 403
    assert refused.json()["error"] == 6004


async def test_guesses_at_a_context_count_as_failed_logins(manager) -> None:
    for _ in range(50):
        await manager.http.post(RUN_AS, json={}, auth=(BASIC[0], "guess"))

    assert (await manager.http.post("/security/user/authenticate", auth=BASIC)).status_code == 403


async def test_an_upgrade_says_what_is_against_it_for_each_agent(manager) -> None:
    await manager.insert("001", "web-1")
    await manager.insert("002", "db-1", "f" * 64)
    async with AgentSide(manager.node.ports[1514], "001", KEY) as web:
        await web.start()
        answer = await manager.call("PUT", "/agents/upgrade?agents_list=000,001,002,999&upgrade_version=v4.14.8")

    codes = {failed["id"][0]: failed["error"]["code"] for failed in answer["data"]["failed_items"]}
    assert codes == {"000": 1703, "001": 1822, "002": 1707, "999": 1701}
    assert answer["data"]["affected_items"] == []
    assert answer["error"] == 1
    assert (await manager.http.put("/agents/upgrade")).status_code == 400


async def test_there_is_no_result_of_an_upgrade_that_was_never_begun(manager) -> None:
    await manager.insert()

    answer = await manager.call("GET", "/agents/upgrade_result?agents_list=001,999")

    codes = {failed["id"][0]: failed["error"]["code"] for failed in answer["data"]["failed_items"]}
    assert codes == {"001": 1813, "999": 1701}

"""Rules for authorization contexts, tokens for them, and upgrades: what the stand-in keeps and what it refuses."""

import sys

import anyio
import jwt
import pytest

from local.nodes.manager.api.roles import TIED
from local.stack.layout import REPOSITORY
from tests.local.agent_side import AgentSide
from tests.local.manager_side import BASIC, KEY, RUN_AS, ManagerSide

pytestmark = pytest.mark.anyio

RULE = {"FIND": {"user_name": "usr_alice"}}


async def named(manager: ManagerSide, name: str) -> list[dict]:
    """The rules of a name."""
    listed = await manager.call("GET", "/security/rules")
    return [rule for rule in listed["data"]["affected_items"] if rule["name"] == name]


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    return await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()


async def test_a_security_rule_is_listed_also_after_a_restart(manager, play, edge) -> None:
    answer = await manager.call("POST", "/security/rules", {"name": "alice", "rule": RULE})
    [entry] = answer["data"]["affected_items"]
    assert {**entry, "id": 0} == {"id": 0, "name": "alice", "rule": RULE, "roles": []}
    assert answer["message"] == "Security rule was successfully created"

    await manager.node.stop()
    restarted = await ManagerSide(await play("manager", disk=manager.node.disk, HTTP_PROXY=edge.address)).sign_in()
    assert (await named(restarted, "alice")) == [entry]


@pytest.mark.parametrize("again", [{"name": "alice", "rule": {"FIND": {}}}, {"name": "bob", "rule": RULE}])
async def test_a_security_rule_has_a_name_and_a_content_of_its_own(manager, again) -> None:
    await manager.call("POST", "/security/rules", {"name": "alice", "rule": RULE})

    answer = await manager.call("POST", "/security/rules", again)

    assert answer["error"] == 1
    assert answer["data"]["failed_items"][0]["error"]["code"] == 4005


@pytest.mark.parametrize("body", [[], {"rule": RULE}, {"name": "alice"}, {"name": "a\n", "rule": RULE}])
async def test_what_is_no_security_rule_is_400(manager, body) -> None:
    assert (await manager.http.post("/security/rules", json=body)).status_code == 400


async def test_whoever_meets_a_rule_gets_its_roles_and_no_more(manager) -> None:
    [entry] = (await manager.call("POST", "/security/rules", {"name": "alice", "rule": RULE}))["data"]["affected_items"]
    tied = await manager.call("POST", f"/security/roles/2/rules?rule_ids={entry['id']},999")
    assert tied["data"]["affected_items"] == [str(entry["id"])]
    assert tied["data"]["failed_items"][0]["id"] == ["999"]

    assert await manager.asks_as({"user_name": "usr_alice"}, "GET", "/agents") == 200
    assert await manager.asks_as({"user_name": "usr_alice"}, "POST", "/groups", {"group_id": "a"}) == 403
    assert await manager.asks_as({"user_name": "usr_bob"}, "GET", "/agents") == 403


@pytest.mark.parametrize(
    ("role", "reads", "groups", "rules"),
    [("tenant_readonly", 200, 403, 403), ("tenant_operator", 200, 200, 403), ("tenant_admin", 200, 200, 200)],
)
async def test_the_roles_that_the_edge_names_are_tied_to_the_apis(manager, role, reads, groups, rules) -> None:
    context = {"user_name": "usr_vera", "backend_roles": ["other", role]}
    assert await manager.asks_as(context, "GET", "/agents") == reads
    assert await manager.asks_as(context, "POST", "/groups", {"group_id": "web"}) == groups
    assert await manager.asks_as(context, "POST", "/security/rules", {"name": "x", "rule": {"FIND": {}}}) == rules


async def test_it_ties_them_as_the_image_does_whose_own_program_changes_nothing_here(manager) -> None:
    before = await manager.call("GET", "/security/rules")
    program = "from api import Api; import sys; api = Api(*sys.argv[1:]); api.sign_in(); api.map_roles()"
    url = str(manager.http.base_url).rstrip("/")
    await anyio.run_process([sys.executable, "-c", program, *BASIC, url], cwd=REPOSITORY / "images/manager/report")

    assert await manager.call("GET", "/security/rules") == before
    assert {rule["name"] for rule in before["data"]["affected_items"]} == set(TIED)


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

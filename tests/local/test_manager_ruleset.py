"""Rules, decoders and lists of a tenant's own at the stand-in manager, through its API in Wazuh's shapes."""

import json
from typing import Any

import pytest

from tests.local.manager_side import ManagerSide

pytestmark = pytest.mark.anyio

RULES = """<group name="local,app,">
  <rule id="100100" level="7">
    <decoded_as>app</decoded_as>
    <match>door forced</match>
    <description>Door $(door) was forced.</description>
    <mitre><id>T1200</id></mitre>
  </rule>
  <rule id="100101" level="12">
    <if_sid>100100</if_sid>
    <list field="door" lookup="match_key">etc/lists/vaults</list>
    <description>A vault's door was forced.</description>
  </rule>
  <rule id="100102" level="10">
    <if_sid>5716</if_sid>
    <field name="srcip">^203.0.113.</field>
    <description>sshd: failed from where nobody is.</description>
  </rule>
</group>
"""
DECODERS = """<decoder name="app"><program_name>^app$</program_name></decoder>
<decoder name="app-door"><parent>app</parent><regex>door=(\\w+) floor=(\\d+)</regex><order>door, floor</order></decoder>
"""
LINE = "Nov 27 18:00:00 web-1 app: door forced door=north floor=2"
SSHD = "Nov 27 18:00:00 web-1 sshd[4242]: Failed password for root from 203.0.113.9 port 51514 ssh2"
SETTINGS = "/manager/configuration"


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    return await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()


async def put(manager: ManagerSide, path: str, text: str, kind: str = "application/octet-stream") -> dict[str, Any]:
    answer = await manager.http.put(path, content=text.encode(), headers={"content-type": kind})
    return dict(answer.json())


async def failures(manager: ManagerSide, path: str, text: str) -> list[tuple[int, str]]:
    failed = (await put(manager, path, text))["data"]["failed_items"]
    return [(item["error"]["code"], item["error"]["message"]) for item in failed]


async def logtest(manager: ManagerSide, event: str, **more: str) -> dict[str, Any]:
    body = {"event": event, "log_format": "syslog", "location": "test", **more}
    return dict((await manager.call("PUT", "/logtest", body))["data"])


async def name_list(manager: ManagerSide, name: str) -> None:
    settings = (await manager.http.get(f"{SETTINGS}?raw=true")).text
    named = settings.replace("</ruleset>", f"<list>etc/lists/{name}</list></ruleset>")
    assert (await put(manager, SETTINGS, named))["error"] == 0


async def with_content(manager: ManagerSide) -> None:
    assert await failures(manager, "/lists/files/vaults", "vault:\n") == []
    await name_list(manager, "vaults")
    assert await failures(manager, "/decoders/files/app.xml", DECODERS) == []
    assert await failures(manager, "/rules/files/app.xml", RULES) == []


async def test_rules_decoders_and_lists_that_were_put_decide_what_an_event_comes_to(manager) -> None:
    assert (await logtest(manager, LINE))["alert"] is False

    await with_content(manager)

    told = await logtest(manager, LINE)
    assert told["alert"] is True
    rule = told["output"]["rule"]
    assert (rule["id"], rule["level"], rule["description"]) == ("100100", 7, "Door north was forced.")
    assert (rule["groups"], rule["mitre"]) == (["local", "app"], {"id": ["T1200"]})
    assert told["output"]["decoder"]["name"] == "app"
    assert told["output"]["data"] == {"door": "north", "floor": "2"}
    for line, id in ((LINE.replace("north", "vault"), "100101"), (SSHD, "100102")):
        assert (await logtest(manager, line))["output"]["rule"]["id"] == id
    other = SSHD.replace("203.0.113.9", "198.51.100.7")
    assert (await logtest(manager, other))["output"]["rule"]["id"] == "5716"


async def test_an_event_that_comes_in_raises_the_alert_of_a_rule_that_was_put(manager, edge) -> None:
    await with_content(manager)

    await manager.call("POST", "/events", {"events": [LINE]})

    [call] = await edge.calls_to("events.internal", "/alerts")
    [alert] = json.loads(call.body)
    assert alert["rule"]["id"] == "100100"


@pytest.mark.parametrize(
    ("path", "text", "code", "words"),
    [
        ("/rules/files/a.xml", "<group name='x'>", 1113, "XML syntax error"),
        ("/rules/files/a.xml", "<rule id='100100' level='3'/>", 1113, 'Only "group" is allowed'),
        ("/rules/files/a.xml", RULES.replace('level="7"', 'level="70"'), 1113, "Invalid 'level' of rule '100100'"),
        (
            "/rules/files/a.xml",
            RULES.replace("<match>", "<mach>").replace("</match>", "</mach>"),
            1113,
            "option 'mach'",
        ),
        ("/rules/files/a.xml", "", 1112, "Empty files are not supported"),
        ("/decoders/files/a.xml", "<decoder name='a'/>", 1113, "No 'prematch'"),
        ("/decoders/files/a.xml", DECODERS.replace("door, floor", "door"), 1113, "the same number of fields"),
        (
            "/decoders/files/a.xml",
            DECODERS.replace("<parent>app<", "<parent>none<"),
            1113,
            "Parent decoder name invalid",
        ),
        ("/lists/files/a", "no colon", 1800, "Bad format in CDB list"),
    ],
)
async def test_a_file_that_can_not_be_used_is_refused_with_its_reason_and_leaves_nothing(
    manager, path: str, text: str, code: int, words: str
) -> None:
    [(told, message)] = await failures(manager, path, text)

    assert told == code
    assert words in message
    missing = await manager.call("DELETE", path)
    assert missing["data"]["failed_items"][0]["error"]["code"] == 1906


async def test_a_file_is_replaced_only_where_that_is_asked_for_and_the_old_one_stays_in_use_otherwise(manager) -> None:
    await with_content(manager)

    [(code, _)] = await failures(manager, "/rules/files/app.xml", RULES)
    [(broken, _)] = await failures(manager, "/rules/files/app.xml?overwrite=true", "<group")

    assert (code, broken) == (1905, 1113)
    assert (await logtest(manager, LINE))["output"]["rule"]["id"] == "100100"
    assert await failures(manager, "/rules/files/app.xml?overwrite=true", RULES.replace("7", "9")) == []
    assert (await logtest(manager, LINE))["output"]["rule"]["level"] == 9
    await manager.call("DELETE", "/rules/files/app.xml")
    assert (await logtest(manager, LINE))["alert"] is False


async def test_loading_anew_warns_of_what_is_ignored(manager) -> None:
    reload = "/manager/analysisd/reload"
    [fine] = (await manager.call("PUT", reload))["data"]["affected_items"]
    assert fine["msg"] == "Ruleset reload request sent successfully."
    await put(manager, "/rules/files/a.xml", RULES)
    await put(manager, "/rules/files/b.xml", RULES)

    [doubtful] = (await manager.call("PUT", reload))["data"]["affected_items"]

    assert "(7612): Rule ID '100100' is duplicated." in doubtful["msg"]
    assert "(7616): List 'etc/lists/vaults' could not be loaded. Rule '100101' will be ignored." in doubtful["msg"]


async def test_settings_that_are_no_xml_are_refused_and_the_ones_before_stay(manager) -> None:
    before = (await manager.http.get(f"{SETTINGS}?raw=true")).text

    refused = await put(manager, SETTINGS, "<ossec_config>")

    assert refused["data"]["failed_items"][0]["error"]["code"] == 1908
    assert (await manager.http.get(f"{SETTINGS}?raw=true")).text == before
    valid = await manager.call("GET", "/manager/configuration/validation")
    assert valid["data"]["affected_items"][0]["status"] == "OK"


async def test_tests_of_one_session_share_what_was_counted_and_end_with_it(manager) -> None:
    first = await logtest(manager, SSHD)
    token = first["token"]
    told = [(await logtest(manager, SSHD, token=token))["output"]["rule"]["id"] for _ in range(7)]

    assert told[-1] == "5763"
    assert (await manager.call("DELETE", f"/logtest/sessions/{token}"))["error"] == 0
    again = await manager.http.delete(f"/logtest/sessions/{token}")
    assert (again.status_code, again.json()["error"]) == (400, 7316)
    assert (await logtest(manager, SSHD, token=token))["token"] != token
    wrong = await manager.http.put("/logtest", json={"event": "x", "log_format": "no-such", "location": "x"})
    assert wrong.status_code == 400


async def test_a_file_of_another_type_or_name_is_refused(manager) -> None:
    wrong = await manager.http.put("/rules/files/a.xml", json={})
    assert (wrong.status_code, wrong.json()["error"]) == (415, 6002)
    for path in ("/rules/files/a.txt", "/lists/files/.."):
        assert (await manager.http.put(path, content=b"x")).status_code in (400, 404)

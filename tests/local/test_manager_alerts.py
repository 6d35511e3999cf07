"""Alerts: their form, and that each reaches indexer and event stream, whatever fails in between."""

import base64
import json
import re

import pytest

from local.web.messages import Response
from tests.local.agent_side import AgentSide
from tests.local.manager_side import KEY, ManagerSide

pytestmark = pytest.mark.anyio

FAILED = "Nov 23 10:00:00 web-1 sshd[4242]: Failed password for root from 203.0.113.9 port 51514 ssh2"


@pytest.fixture
async def manager(play, edge) -> ManagerSide:
    side = await ManagerSide(await play("manager", HTTP_PROXY=edge.address)).sign_in()
    await side.insert()
    return side


async def report(manager: ManagerSide, *lines: str) -> None:
    async with AgentSide(manager.node.ports[1514], "001", KEY) as web:
        await web.start()
        for line in lines:
            await web.log(line)
        await web.ping()


def alerts_in(body: bytes) -> list[dict]:
    return [json.loads(line) for line in body.splitlines()[1::2]]


async def test_an_alert_has_wazuhs_form(manager, edge) -> None:
    await report(manager, FAILED)

    [call] = await edge.calls_to("indexer.internal", "/_bulk")
    [alert] = alerts_in(call.body)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", alert["timestamp"])
    assert re.fullmatch(r"\d{10}\.\d+", alert["id"])
    assert alert["rule"]["id"] == "5716"
    assert alert["rule"]["level"] == 5
    assert alert["rule"]["firedtimes"] == 1
    assert alert["rule"]["mitre"]["technique"] == ["Password Guessing", "SSH"]
    assert "authentication_failed" in alert["rule"]["groups"]
    assert alert["agent"] == {"id": "001", "name": "web-1", "ip": "10.0.0.5"}
    assert alert["manager"] == {"name": "manager-0"}
    assert alert["decoder"]["name"] == "sshd"
    assert alert["location"] == "/var/log/auth.log"
    assert alert["full_log"] == FAILED
    assert alert["data"]["srcip"] == "203.0.113.9"


async def test_alerts_go_into_the_index_of_their_day_as_the_managers_user(manager, edge) -> None:
    await report(manager, FAILED)

    [call] = await edge.calls_to("indexer.internal", "/_bulk")
    action, source = (json.loads(line) for line in call.body.splitlines())
    assert action == {"index": {"_index": "wazuh-alerts-4.x-" + source["timestamp"][:10].replace("-", ".")}}
    assert base64.b64decode(call.headers["authorization"].split()[1]) == b"admin:Indexer.1-password"


async def test_the_event_stream_gets_a_digest_without_the_log_and_its_data(manager, edge) -> None:
    await report(manager, FAILED)

    [call] = await edge.calls_to("events.internal", "/alerts")
    [digest] = json.loads(call.body)
    assert set(digest) == {"timestamp", "id", "rule", "agent", "location"}
    assert set(digest["rule"]) == {"id", "level", "description", "groups", "mitre"}
    assert b"203.0.113.9" not in call.body


async def test_a_log_that_no_rule_matches_makes_no_alert(manager, edge) -> None:
    await report(manager, "Nov 23 10:00:00 web-1 cron[1]: nothing to see", FAILED)

    [call] = await edge.calls_to("indexer.internal", "/_bulk")
    assert [alert["full_log"] for alert in alerts_in(call.body)] == [FAILED]


@pytest.mark.parametrize(
    "refusal",
    [
        Response.of_json({"error": "unavailable"}, 503),
        Response.of_json({"errors": True, "items": []}),
    ],
)
async def test_alerts_are_sent_again_until_they_are_acknowledged(manager, edge, refusal) -> None:
    answers = [refusal, refusal]

    async def moody(request) -> Response:
        return answers.pop() if answers else Response.of_json({"errors": False, "items": []})

    edge.handlers["indexer.internal"] = moody
    await report(manager, FAILED)

    calls = await edge.calls_to("indexer.internal", "/_bulk", count=3)
    assert len({call.body for call in calls}) == 1


async def test_alerts_that_nobody_took_are_sent_after_a_restart_and_taken_ones_are_not(manager, edge, play) -> None:
    await report(manager, FAILED)
    await edge.calls_to("indexer.internal", "/_bulk")

    async def down(request) -> Response:
        return Response.of_json({}, 503)

    edge.handlers["indexer.internal"] = down
    late = FAILED.replace("root", "late")
    async with AgentSide(manager.node.ports[1514], "001", KEY) as web:
        web.channel._global += 1
        await web.start()
        await web.log(late)
        await edge.calls_to("indexer.internal", "/_bulk", count=2)
    await manager.node.stop()
    del edge.handlers["indexer.internal"]
    edge.calls.clear()
    await play("manager", disk=manager.node.disk, HTTP_PROXY=edge.address)

    [call] = await edge.calls_to("indexer.internal", "/_bulk")
    assert [alert["full_log"] for alert in alerts_in(call.body)] == [late]


async def test_a_location_longer_than_the_event_stream_takes_is_cut(manager, edge) -> None:
    async with AgentSide(manager.node.ports[1514], "001", KEY) as web:
        await web.start()
        await web.log(FAILED, "/var/log/" + "x" * 5000)

    [call] = await edge.calls_to("events.internal", "/alerts")
    assert len(json.loads(call.body)[0]["location"]) == 1024


async def test_ids_of_alerts_are_unique_within_a_second(manager) -> None:
    await report(manager, *[FAILED] * 5)

    lines = (manager.node.disk / "logs" / "alerts" / "alerts.json").read_text().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == 5


async def test_half_a_line_left_by_a_killed_manager_is_dropped(manager, edge, play) -> None:
    await report(manager, FAILED)
    await edge.calls_to("indexer.internal", "/_bulk")
    await manager.node.stop()
    alerts = manager.node.disk / "logs" / "alerts" / "alerts.json"
    whole = alerts.read_text()
    alerts.write_text(whole + '{"timestamp":"2026-11')

    restarted = await ManagerSide(await play("manager", disk=manager.node.disk, HTTP_PROXY=edge.address)).sign_in()
    await restarted.call("POST", "/events", {"events": [FAILED]})

    [_, call] = await edge.calls_to("indexer.internal", "/_bulk", count=2)
    assert [alert["agent"]["id"] for alert in alerts_in(call.body)] == ["000"]
    assert alerts.read_text().startswith(whole)


async def test_the_first_heartbeat_tells_version_and_agents(manager, edge) -> None:
    [call] = await edge.calls_to("events.internal", "/heartbeat")

    beat = json.loads(call.body)
    assert beat["version"] == "4.14.7"
    assert beat["agents"]["active"] == 0


async def test_events_given_to_the_api_are_analysed_as_the_managers_own(manager, edge) -> None:
    answer = await manager.call("POST", "/events", {"events": [FAILED]})

    assert answer["error"] == 0
    [call] = await edge.calls_to("indexer.internal", "/_bulk")
    [alert] = alerts_in(call.body)
    assert alert["agent"] == {"id": "000", "name": "manager-0"}
    for bad in ({}, {"events": []}, {"events": [1]}, {"events": ["x"] * 101}):
        assert (await manager.http.post("/events", json=bad)).status_code == 400

"""Custom rules, decoders and lists at the real edge: stored, applied by the manager's API, and there for good."""

import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from tests.contract.edge_managers import asked, several
from tests.contract.edge_process import Edge, plan, random_base32, spec
from tests.contract.edge_state import lose, node_of
from tests.contract.edge_visitors import (
    an_agent,
    await_running,
    events,
    new_tenant,
    view,
    wait_for,
)

pytestmark = pytest.mark.stack

RULES = """<group name="local,acme,">
  <rule id="100100" level="9">
    <if_sid>5710</if_sid>
    <field name="srcuser">^acme</field>
    <description>Somebody tries $(srcuser).</description>
  </rule>
  <rule id="100101" level="13">
    <if_sid>100100</if_sid>
    <list field="srcip" lookup="address_match_key">etc/lists/bad</list>
    <description>Somebody bad tries $(srcuser).</description>
  </rule>
</group>
"""
BUNDLE = [
    {"kind": "agent_configuration", "name": "linux", "text": "<agent_config><!-- acme --></agent_config>\n"},
    {"kind": "lists", "name": "bad", "text": "203.0.113.66:\n"},
    {"kind": "rules", "name": "local_rules.xml", "text": RULES},
]
BROKEN = [{"kind": "rules", "name": "local_rules.xml", "text": RULES.replace('level="9"', 'level="90"')}]


def digest_of(files: list[dict[str, str]]) -> str:
    """As the portal computes it."""
    ordered = sorted(files, key=lambda file: (file["kind"], file["name"]))
    text = json.dumps({"files": ordered}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def give(edge: Edge, tenant: str, generation: int, files: list[dict[str, str]], **wanted: Any) -> dict[str, Any]:
    """Stores a bundle and has a plan name it; the tenant once that has come to an end."""
    digest = digest_of(files)
    stored = edge.call("PUT", f"/v1/tenants/{tenant}/content/{digest}", {"files": files})
    assert stored.status_code in (200, 201), stored.text
    body = spec(generation, plan={**(wanted or plan()), "content": digest})
    assert edge.call("PUT", f"/v1/tenants/{tenant}", body).status_code == 202

    def ended() -> dict[str, Any] | None:
        now = view(edge, tenant)
        return now if now["generation"] == generation and now["run"]["state"] != "running" else None

    found = wait_for(ended, f"generation {generation}", 60)
    assert found
    return found


def attempt(user: str, address: str = "203.0.113.9") -> str:
    return f"Invalid user {user} from {address} port 4022"


def logtest(edge: Edge, tenant: str, user: str, address: str = "203.0.113.9") -> dict[str, Any]:
    line = f"{time.strftime('%b %e %H:%M:%S')} web-1 sshd[4242]: {attempt(user, address)}"
    answer = edge.call("POST", f"/v1/tenants/{tenant}/logtest", {"event": line})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def rule_for(edge: Edge, tenant: str, user: str, address: str = "203.0.113.9") -> str:
    return str(logtest(edge, tenant, user, address)["output"]["rule"]["id"])


def raised(edge: Edge, tenant: str, words: str) -> list[str]:
    alerts = [event["data"]["rule"] for event in events(edge, tenant, "alert")]
    return [rule["id"] for rule in alerts if words in rule["description"]]


@pytest.fixture(scope="module")
def tenant(edge: Edge) -> str:
    made = new_tenant(edge)
    await_running(edge, made)
    return made


def test_a_rule_that_was_uploaded_raises_its_alert_with_no_restart_and_a_broken_one_leaves_it(
    edge: Edge, tenant: str, tmp_path: Path
) -> None:
    container, user = node_of(edge, tenant, "manager").id, f"acme{secrets.token_hex(4)}"
    assert rule_for(edge, tenant, user) == "5710"
    with an_agent(tmp_path, edge, tenant, "web-1") as agent:
        agent.await_connected()

        seen = give(edge, tenant, 2, BUNDLE)

        assert (seen["run"]["kind"], seen["run"]["state"]) == ("content", "succeeded")
        assert seen["content"] == {"wanted": digest_of(BUNDLE), "applied": digest_of(BUNDLE), "error": None}
        agent.log(attempt(user))
        agent.log(attempt(user, "203.0.113.66"))
        wait_for(lambda: raised(edge, tenant, f"tries {user}.") == ["100100", "100101"], "both alerts")

        refused = give(edge, tenant, 3, BROKEN)

        assert (refused["run"]["state"], refused["observed"]) == ("failed", "running")
        error = refused["content"]["error"]
        assert (error["code"], refused["content"]["applied"]) == ("CONTENT_REFUSED", digest_of(BUNDLE))
        assert "rules/local_rules.xml" in error["message"]
        assert "Invalid 'level' of rule '100100'" in error["message"]
        other = f"acme{secrets.token_hex(4)}"
        agent.log(attempt(other))
        wait_for(lambda: raised(edge, tenant, f"tries {other}.") == ["100100"], "the alert of the rule of before")
    assert node_of(edge, tenant, "manager").id == container
    give(edge, tenant, 4, BUNDLE)


def test_what_an_event_would_come_to_is_told_and_raises_no_alert(edge: Edge, tenant: str) -> None:
    user = f"acme{secrets.token_hex(4)}"

    told = logtest(edge, tenant, user)

    assert (told["alert"], told["token"], told["output"]["rule"]["level"]) == (True, None, 9)
    assert told["output"]["rule"]["description"] == f"Somebody tries {user}."
    assert told["output"]["data"]["srcip"] == "203.0.113.9"
    assert rule_for(edge, tenant, user, "203.0.113.66") == "100101"
    assert raised(edge, tenant, user) == []


def test_content_survives_the_end_of_the_manager_with_its_disk_and_a_night(edge: Edge, tenant: str) -> None:
    lose(edge, tenant, "manager")
    assert rule_for(edge, tenant, "acme1", "203.0.113.66") == "100101"

    order(edge, tenant, "sleep")
    wait_for(lambda: view(edge, tenant)["observed"] == "stopped", "it to sleep", 60)
    order(edge, tenant, "wake")
    wait_for(lambda: awake(view(edge, tenant)), "it to wake", 90)

    assert rule_for(edge, tenant, "acme1", "203.0.113.66") == "100101"
    assert view(edge, tenant)["content"]["applied"] == digest_of(BUNDLE)


def order(edge: Edge, tenant: str, what: str) -> None:
    body = {"epoch": 1, "operation_id": f"op_{random_base32(20)}"}
    path = f"/v1/tenants/{tenant}/{what}"
    wait_for(lambda: edge.call("POST", path, body).status_code == 202, f"{what} to be taken", 60)


def awake(seen: dict[str, Any]) -> bool:
    return seen["observed"] == "running" and seen["run"]["state"] == "succeeded" and seen["sleeping"] is None


def test_each_of_several_managers_loads_it_and_its_lists(edge: Edge) -> None:
    made = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{made}", spec(plan=several(2))).status_code == 202
    await_running(edge, made)

    seen = give(edge, made, 2, BUNDLE, **several(2))

    assert (seen["run"]["kind"], seen["run"]["state"]) == ("content", "succeeded")
    assert all(row["synced"] for row in asked(edge, made, "/cluster/ruleset/synchronization"))
    # A worker lets nobody but the edge in by itself; what it has in use shows in what it made of the reload.
    loaded = asked_to_reload(edge, made)
    assert loaded == dict.fromkeys(("manager-0", "manager-1"), "Ruleset reload request sent successfully.")


def asked_to_reload(edge: Edge, tenant: str) -> dict[str, str]:
    rows = asked(edge, tenant, "/cluster/analysisd/reload", method="PUT")
    return {row["name"]: row["msg"] for row in rows}

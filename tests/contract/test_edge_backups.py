"""Backups, restores and clones at the real edge: nodes lose disks and documents, an archive is tampered with."""

import secrets
from typing import Any

import pytest

from tests.contract.edge_process import Edge, plan, random_base32, spec
from tests.contract.edge_state import WireAgent, archive_files, lose, sealed_everywhere, stamp
from tests.contract.edge_visitors import await_running, indexer_of, new_tenant, raw_websocket, view, wait_for

pytestmark = pytest.mark.stack


def tenant_with(edge: Edge, **changes: Any) -> str:
    tenant = edge.new_tenant_id()
    assert edge.call("PUT", f"/v1/tenants/{tenant}", spec(plan=plan() | changes)).status_code == 202
    await_running(edge, tenant)
    return tenant


def alert(edge: Edge, tenant: str, agent: WireAgent, word: str) -> None:
    """Has the agent report a line that makes an alert, and waits until the indexer holds it."""
    agent.tell(f"1:/var/log/auth.log:{stamp()} web-1 sshd[4242]: Invalid user {word} from 203.0.113.9 port 4022")
    wait_for(lambda: indexer_of(edge, tenant).alerts_with(word), f"the alert about {word}")


def connected(edge: Edge, tenant: str) -> WireAgent:
    agent = WireAgent(edge, tenant, f"web-{secrets.token_hex(3)}")
    assert agent.says(agent.startup())
    return agent


def backups(edge: Edge, tenant: str) -> list[dict[str, Any]]:
    return list(edge.call("GET", f"/v1/tenants/{tenant}/backups").json()["backups"])


def back_up(edge: Edge, tenant: str) -> str:
    body = {"epoch": 1, "idempotency_key": secrets.token_hex(8)}
    made = edge.call("POST", f"/v1/tenants/{tenant}/backups", body)
    assert made.status_code == 202, made.text
    id = str(made.json()["id"])
    ended = lambda: next((one for one in backups(edge, tenant) if one["id"] == id and one["state"] != "running"), None)  # noqa: E731
    backup = wait_for(ended, "the backup to end")
    assert backup["state"] == "succeeded", backup
    return id


def restore(edge: Edge, tenant: str, backup: str) -> dict[str, Any]:
    operation = f"op_{random_base32(20)}"
    body = {"epoch": 1, "idempotency_key": operation, "operation_id": operation, "backup": backup}
    answer = edge.call("POST", f"/v1/tenants/{tenant}/restore", body)
    assert answer.status_code == 202, answer.text
    ended = lambda: (seen := view(edge, tenant))["run"]["state"] != "running" and seen["observed"] == "running" and seen  # noqa: E731
    return dict(wait_for(ended, "the restore to end", 90))  # type: ignore[arg-type]


def test_an_indexer_that_lost_its_disk_comes_back_from_its_snapshot_with_the_journals_old_part_dropped(
    edge: Edge,
) -> None:
    tenant = tenant_with(edge, archive_days=0)
    agent = connected(edge, tenant)
    for word in ("moleone", "moletwo"):
        alert(edge, tenant, agent, word)
    back_up(edge, tenant)
    assert edge.launcher
    log = edge.launcher.log
    wait_for(lambda: b"the journal dropped what its snapshots hold" in log.read_bytes(), "the journal to be trimmed")
    alert(edge, tenant, agent, "molethree")
    before = indexer_of(edge, tenant).all_ids()
    assert len(before) == 3
    lose(edge, tenant, "indexer")
    assert indexer_of(edge, tenant).all_ids() == before
    agent.leave()


def test_what_was_damaged_is_restored_in_place_and_what_came_later_is_kept(edge: Edge) -> None:
    tenant = tenant_with(edge)
    agent = connected(edge, tenant)
    alert(edge, tenant, agent, "molefour")
    backup = back_up(edge, tenant)
    alert(edge, tenant, agent, "molefive")
    before = indexer_of(edge, tenant).all_ids()
    for hit in indexer_of(edge, tenant).alerts_with("molefour"):
        indexer_of(edge, tenant).delete(hit)
    assert indexer_of(edge, tenant).all_ids() < before
    agent.leave()
    seen = restore(edge, tenant, backup)
    assert {step["name"]: step["state"] for step in seen["run"]["steps"]} == dict.fromkeys(
        ("backup", "stop", "put_state", "indexer", "manager", "dashboard", "verify"), "succeeded"
    )
    assert indexer_of(edge, tenant).all_ids() == before
    assert agent.says(agent.startup()), "the restored manager knows the agent"
    agent.leave()


def test_a_clone_has_the_alerts_but_its_own_authority_and_no_agent_of_the_source(edge: Edge) -> None:
    source = tenant_with(edge)
    agent = connected(edge, source)
    alert(edge, source, agent, "molesix")
    backup = back_up(edge, source)
    clone = edge.new_tenant_id()
    body = spec(**{"from": {"tenant": source, "backup": backup}})
    assert edge.call("PUT", f"/v1/tenants/{clone}", body).status_code == 202
    await_running(edge, clone)
    assert indexer_of(edge, clone).all_ids() == indexer_of(edge, source).all_ids()
    fingerprints = [view(edge, tenant)["certificate"]["fingerprint"] for tenant in (source, clone)]
    assert fingerprints[0] != fingerprints[1]
    passwords = [indexer_of(edge, tenant).node.environment["INDEXER_PASSWORD"] for tenant in (source, clone)]
    assert passwords[0] != passwords[1]
    with pytest.raises(AssertionError, match="401"):
        raw_websocket(edge, f"/agents/{clone}/1514", agent.enrolled["connector"])
    assert edge.call("GET", f"/v1/tenants/{clone}/agents").json()["agents"] == []
    agent.leave()


def test_an_archived_day_is_searchable_again_and_loading_it_twice_changes_nothing(edge: Edge) -> None:
    tenant = tenant_with(edge)
    agent = connected(edge, tenant)
    alert(edge, tenant, agent, "moleeight")
    (hit,) = indexer_of(edge, tenant).alerts_with("moleeight")
    indexer_of(edge, tenant).delete(hit)
    day = hit["_index"].rpartition("-")[2].replace(".", "-")
    for _ in range(2):
        body = {"epoch": 1, "idempotency_key": secrets.token_hex(8), "day": day}
        asked = edge.call("POST", f"/v1/tenants/{tenant}/rehydrations", body)
        assert asked.status_code == 202, asked.text
        wait_for(lambda: rehydrated(edge, tenant), "the day to be loaded")
        assert [one["_id"] for one in indexer_of(edge, tenant).alerts_with("moleeight")] == [hit["_id"]]
    agent.leave()


def rehydrated(edge: Edge, tenant: str) -> bool:
    (one,) = edge.call("GET", f"/v1/tenants/{tenant}/rehydrations").json()["rehydrations"]
    return bool(one["state"] == "succeeded")


def test_a_tampered_snapshot_is_passed_over_loudly_and_the_journal_brings_the_alerts_back(edge: Edge) -> None:
    tenant = new_tenant(edge)
    await_running(edge, tenant)
    agent = connected(edge, tenant)
    alert(edge, tenant, agent, "moleseven")
    back_up(edge, tenant)
    before = indexer_of(edge, tenant).all_ids()
    assert sealed_everywhere(edge, "moleseven")
    assert tamper(edge) > 0
    lose(edge, tenant, "indexer")
    assert indexer_of(edge, tenant).all_ids() == before
    trouble = wait_for(lambda: view(edge, tenant)["state_trouble"], "the tenant to show it")
    assert trouble["code"] == "STATE_UNREADABLE"
    agent.leave()


def tamper(edge: Edge) -> int:
    """Flips a bit of every object that R2 holds; how many there were."""
    blobs = [path for path in archive_files(edge) if "blobs" in path.parts]
    for blob in blobs:
        content = bytearray(blob.read_bytes())
        content[len(content) // 2] ^= 1
        blob.write_bytes(content)
    return len(blobs)

"""A tenant's export against the real edge, killed while it makes it: by the portal's own code, down to the file."""

import io
import json
import tarfile
from collections.abc import Callable
from hashlib import sha256

import httpx
import pytest

from controlplane import rls
from controlplane.actor import Actor
from tenants.protection.deletion import actions as deletion
from tenants.protection.exports import actions, queries
from tenants.protection.exports.download import download
from tenants.protection.exports.models import Export
from tenants.protection.exports.problems import ExportNotFound
from tenants.provisioning.models import Tenant
from tests.contract.edge_process import Edge
from tests.contract.edge_state import WireAgent, archive_files, stamp
from tests.contract.edge_visitors import events, indexer_of, wait_for
from tests.contract.test_portal_to_edge import cell, edge, make, owner, work_until
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh

__all__ = ["cell", "edge", "make", "owner"]
pytestmark = [pytest.mark.django_db, pytest.mark.stack]

ALERTS = 400


@pytest.fixture
def tenant(make: Callable[..., Tenant]) -> Tenant:
    """One that runs."""
    made = make("Office")
    work_until(lambda: fresh(made).status == "running")
    return fresh(made)


def reported(edge: Edge, tenant: Tenant, count: int) -> WireAgent:
    """An agent whose lines made so many alerts, all of which the indexer holds."""
    agent = WireAgent(edge, tenant.pk, "web-1")
    assert agent.says(agent.startup())
    for number in range(count):
        agent.tell(
            f"1:/var/log/auth.log:{stamp()} web-1 sshd[4242]: Invalid user mole{number} from 203.0.113.9 port 22"
        )
    wait_for(lambda: len(indexer_of(edge, tenant.pk).all_ids()) == count, "all alerts in the indexer", 60)
    return agent


def far(edge: Edge, export: Export) -> str:
    """How far the edge is: the state, and while it works the step."""
    told = edge.call("GET", f"/v1/tenants/{export.tenant_id}/exports/{export.pk}").json()
    step = next((each["name"] for each in told["steps"] if each["state"] == "running"), "")
    return step if told["state"] == "running" else str(told["state"])


def killed_at_it(edge: Edge, tenant: Tenant, owner: Actor) -> Export | None:
    """An export while which the runtime was killed; None where it was made before that."""
    with rls.acting_as(owner.rls_actor):
        export = actions.ask(by=owner, tenant=fresh(tenant))
    deliver()
    wait_for(lambda: far(edge, export) in ("events", "alerts", "succeeded"), "the export to be in the middle")
    in_the_middle = far(edge, export) in ("events", "alerts")
    if in_the_middle:
        edge.kill_workerd()
        edge.start_launcher()
    work_until(lambda: not seen(export).operation.is_open)
    return export if in_the_middle else None


def seen(export: Export) -> Export:
    with all_rows():
        return Export.objects.select_related("operation").get(pk=export.pk)


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {each.name.partition("/")[2]: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def records(members: dict[str, bytes], *folders: str) -> list[dict]:
    names = [name for folder in folders for name in sorted(members) if name.startswith(f"edge/{folder}/")]
    return [json.loads(line) for name in names for line in members[name].splitlines()]


def test_an_export_holds_everything_once_although_the_edge_was_killed_in_the_middle(edge, tenant, owner):
    agent = reported(edge, tenant, ALERTS)
    agent.leave()
    known = indexer_of(edge, tenant.pk).all_ids()
    export = next(each for each in (killed_at_it(edge, tenant, owner) for _ in range(5)) if each)
    assert seen(export).state == "succeeded", seen(export).operation.error
    members = unpacked(b"".join(download(owner, tenant.pk, export.pk).streaming_content))  # type: ignore[arg-type]

    sums = dict(reversed(line.split("  ")) for line in members.pop("SHA256SUMS").decode().splitlines())
    assert {name: sha256(content).hexdigest() for name, content in members.items()} == sums
    alerts = records(members, "alerts", "archived-alerts")
    assert sorted(alert["_id"] for alert in alerts) == sorted(known)
    times = [alert["_source"]["timestamp"] for alert in records(members, "alerts")]
    assert times == sorted(times)
    found = records(members, "events")
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    digests = [event["data"]["id"] for event in found if event["kind"] == "alert"]
    assert sorted(digests) == sorted(alert["_source"]["id"] for alert in alerts)
    assert [each["data"]["id"] for each in events(edge, tenant.pk, "alert")] == digests
    (enrolled,) = records(members, "agents")
    assert (enrolled["name"], enrolled["id"]) == ("web-1", agent.enrolled["agent_id"])
    everything = b"".join(members.values()).decode()
    assert agent.enrolled["key"] not in everything
    assert agent.enrolled["connector"]["secret"] not in everything
    of_trail = {json.loads(line)["action"] for line in members["portal/trail/000001.jsonl"].splitlines()}
    assert {"tenants.tenant.create", "tenants.tenant.export", "tenants.export.download"} <= of_trail

    _erase(edge, tenant, owner, export)


def _erase(edge: Edge, tenant: Tenant, owner: Actor, export: Export) -> None:
    """In the recycle bin it stays; with the tenant it goes."""
    with rls.acting_as(owner.rls_actor):
        binned = deletion.delete(by=owner, tenant=tenant, confirm_name="Office")
    work_until(lambda: not fresh(binned).is_open)
    assert unpacked(b"".join(download(owner, tenant.pk, export.pk).streaming_content))  # type: ignore[arg-type]
    with rls.acting_as(owner.rls_actor):
        again = actions.ask(by=owner, tenant=fresh(tenant))
    deliver()
    work_until(lambda: not seen(again).operation.is_open)
    resting = unpacked(b"".join(download(owner, tenant.pk, again.pk).streaming_content))  # type: ignore[arg-type]
    assert len({each["_id"] for each in records(resting, "archived-alerts")}) == ALERTS
    assert "did not run" in json.loads(resting["manifest.json"])["left_out"][0]["why"]
    with rls.acting_as(owner.rls_actor):
        deletion.erase(by=owner, tenant=fresh(tenant), confirm_name="Office")
    work_until(lambda: fresh(tenant).status == "deleted")
    answer: httpx.Response = edge.call("GET", f"/v1/tenants/{tenant.pk}/exports/{export.pk}/files/1")
    assert answer.json()["code"] == "TENANT_DELETED"
    with rls.acting_as(owner.rls_actor), pytest.raises(ExportNotFound):
        queries.export(owner, fresh(tenant), export.pk)
    assert not [path for path in archive_files(edge) if tenant.pk in str(path)]

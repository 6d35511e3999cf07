"""
Content from the portal's rows to a running manager, by the portal's own code and the real edge: published, tried,
refused and taken back. It holds the edge in memory of `tests/tenants` to what the real one does.
"""

import time
from collections.abc import Callable

import pytest

from controlplane import rls
from controlplane.actor import Actor
from organizations.models import Organization
from tenants.content import actions as content
from tenants.content import publishing, trials
from tenants.content.models import ContentFile
from tenants.provisioning import actions, claims
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.contract.edge_process import Edge
from tests.contract.test_portal_to_edge import cell, edge, owner
from tests.tenants.conftest import fresh, operation_of, read_feed, states

__all__ = ["cell", "edge", "owner"]
pytestmark = [pytest.mark.django_db, pytest.mark.stack, pytest.mark.timeout(300)]

PATIENCE = 90.0
RULES = """<group name="acme,">
  <rule id="100100" level="{level}">
    <if_sid>5710</if_sid>
    <field name="srcuser">^acme</field>
    <description>Somebody tries a name of ours.</description>
  </rule>
</group>
"""
LINE = "Nov 27 18:00:00 web-1 sshd[4711]: Failed password for invalid user acme-bot from 203.0.113.7 port 4242 ssh2"


@pytest.fixture
def tenant(acme: Organization, owner: Actor, cell: Cell, edge: Edge) -> Tenant:
    with rls.acting_as(owner.rls_actor):
        made, _ = actions.create(by=owner, organization=acme, name="Office")
    follow(made, lambda: fresh(made).status == "running")
    return fresh(made)


def follow(tenant: Tenant, reached: Callable[[], bool]) -> None:
    """Do what Celery does, again and again: read the feed, reconcile what is due."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, states(operation_of(tenant))
        for tenant_id in claims.due_tenants(10):
            reconcile(tenant_id)
        read_feed()
        time.sleep(0.02)


def publish(owner: Actor, tenant: Tenant) -> Operation:
    with rls.acting_as(owner.rls_actor):
        operation = publishing.publish(by=owner, tenant=fresh(tenant))
    follow(tenant, lambda: not fresh(operation).is_open)
    return fresh(operation)


def save(owner: Actor, acme: Organization, level: str) -> None:
    with rls.acting_as(owner.rls_actor):
        file = ContentFile.objects.filter(organization=acme, name="acme_rules.xml").first()
        text = RULES.format(level=level)
        if file is None:
            content.create(by=owner, organization=acme, kind="rules", name="acme_rules.xml", text=text)
        else:
            content.save(by=owner, file=file, text=text)


def tried(owner: Actor, tenant: Tenant) -> tuple[str, int]:
    """Which rule the manager matches, and its level."""
    result = trials.try_event(by=owner, tenant=fresh(tenant), event=LINE)
    return result["output"]["rule"]["id"], result["output"]["rule"]["level"]


def applied(tenant: Tenant) -> str | None:
    return fresh(tenant).edge_view["content"]["applied"]


def test_content_is_published_tried_refused_and_taken_back(acme, owner, tenant):
    assert tried(owner, tenant)[0] == "5710"

    save(owner, acme, "9")
    first = publish(owner, tenant)
    assert (first.state, set(states(first).values())) == ("succeeded", {"succeeded"}), first.error
    assert list(states(first)) == ["submit", "content_apply", "content_check"]
    assert applied(tenant) == first.arguments["content"] == fresh(tenant).spec["content"]
    assert tried(owner, tenant) == ("100100", 9)

    save(owner, acme, "12")
    second = publish(owner, tenant)
    assert second.state == "succeeded"
    assert tried(owner, tenant) == ("100100", 12)

    with rls.acting_as(owner.rls_actor):
        before = publishing.before(fresh(tenant))
        assert before.digest == first.arguments["content"]
        back = publishing.return_to(by=owner, bundle=before)
    follow(tenant, lambda: not fresh(back).is_open)
    assert tried(owner, tenant) == ("100100", 9)

    # What only the manager can see: a parent that is nowhere.
    with rls.acting_as(owner.rls_actor):
        file = ContentFile.objects.get(organization=acme, name="acme_rules.xml")
        content.save(by=owner, file=file, text=RULES.format(level="7").replace("5710", "119999"))
    refused = publish(owner, tenant)
    assert (refused.state, refused.error["code"]) == ("failed", "CONTENT_REFUSED"), refused.error
    assert "acme_rules.xml" in refused.error["message"]
    follow(tenant, lambda: fresh(tenant).status == "running" and fresh(tenant).next_attempt_at is None)
    assert applied(tenant) == first.arguments["content"] == fresh(tenant).spec["content"]
    assert tried(owner, tenant) == ("100100", 9)

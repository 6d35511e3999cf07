"""
An alert from a machine's log to the portal's inbox, by the portal's own code and the real edge: it is judged by the
manager, marked in the feed, read from the stream, and handled. It holds the edge in memory to what the real one does.
"""

import datetime as dt
import secrets
import time
from collections.abc import Callable

import pytest

from controlplane import rls
from controlplane.actor import Actor
from fleet.alerts import actions as alerts
from fleet.alerts import behind, cursors, queries, reading
from fleet.alerts.dashboard import path_of
from fleet.alerts.models import Alert
from organizations.models import Organization
from tenants.access import actions as access
from tenants.enrollment.tokens import actions as enrollment
from tenants.provisioning import actions, claims
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.contract.edge_process import Edge, free_port
from tests.contract.independent_agent import IndependentAgent, Websocat, enrolled
from tests.contract.test_portal_to_edge import cell, edge, owner
from tests.tenants.conftest import deliver, fresh, operation_of, read_feed, states

__all__ = ["cell", "edge", "owner"]
pytestmark = [pytest.mark.django_db, pytest.mark.stack, pytest.mark.timeout(300)]

PATIENCE = 120.0


@pytest.fixture
def tenant(acme: Organization, owner: Actor, cell: Cell, edge: Edge) -> Tenant:
    with rls.acting_as(owner.rls_actor):
        made, _ = actions.create(by=owner, organization=acme, name="Office")
    work_until(lambda: fresh(made).status == "running", made)
    return fresh(made)


def work_until(reached: Callable[[], bool], tenant: Tenant) -> None:
    """Do what Celery does, again and again: read the feed, reconcile what is due, read streams that are due."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, states(operation_of(tenant))
        for tenant_id in claims.due_tenants(10):
            reconcile(tenant_id)
        read_feed()
        for due in cursors.due():
            reading.read(due["organization_id"], due["tenant_id"])
        time.sleep(0.02)


def found(owner: Actor, acme: Organization, agent: str) -> list[Alert]:
    with rls.acting_as(owner.rls_actor):
        return [alert for alert in queries.alerts_of(owner, acme) if alert.agent_name == agent]


def test_an_alert_goes_in_at_the_manager_and_is_acknowledged_in_the_inbox(acme, owner, tenant, edge, tmp_path):
    name = f"web-{secrets.token_hex(3)}"
    with rls.acting_as(owner.rls_actor):
        life = dt.timedelta(hours=1)
        _, secret = enrollment.create_token(by=owner, tenant=tenant, name="Servers", expires_in=life, max_uses=1)
    deliver()
    identity = enrolled(edge.url, secret, name)
    port = free_port()
    with Websocat(port, identity["manager_url"], identity["connector"], tmp_path / "websocat.log"):
        agent = IndependentAgent(identity["agent_id"], identity["key"])
        agent.connect(port)
        agent.start_up()
        agent.keep_alive()
        for _ in range(12):
            agent.report(f"Nov 27 18:00:00 {name} sshd[7]: Failed password for root from 203.0.113.7 port 4242 ssh2")
        work_until(lambda: found(owner, acme, name) != [], tenant)
    alert = found(owner, acme, name)[0]
    assert (alert.state, alert.agent_id, alert.tenant_id) == ("open", identity["agent_id"], tenant.pk)
    assert alert.level >= 7
    assert any(technique.startswith("T1110") for technique in alert.techniques)

    read = behind.digests_of(owner, alert)
    assert [event["data"]["rule"]["id"] for event in read.events] == [alert.rule_id] * len(alert.recent)
    assert (read.problem, read.missing) == (None, [])

    with rls.acting_as(owner.rls_actor):
        handled = alerts.handle(by=owner, organization=acme, alert_ids=[alert.pk], act="acknowledge")
    assert [each.state for each in handled.changed] == ["acknowledged"]
    code = access.open_dashboard(by=owner, tenant=fresh(tenant), path=path_of(alert))
    assert code.post_to.endswith("/session")

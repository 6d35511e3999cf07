"""How access ends at the edge: whatever ends somebody's reach is told there until it is confirmed."""

import json

import httpx
import pytest
from django.utils import timezone

from controlplane import outbox, rls
from controlplane.models import Delivery
from tenants.access import queries
from tenants.access.models import Revocation
from tenants.access.revocations import TERMS
from tenants.provisioning.reconciler import reconcile
from tests.database import all_rows
from tests.tenants.conftest import deliver
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


def body_of_last(edge) -> dict:
    return json.loads(edge.requests[-1].content)


def tell(topic: str, organization_id: str, organizations: list[str], **known: str) -> None:
    """Publish what `organizations` publishes when somebody's reach ends."""
    payload = {"before": timezone.now().isoformat(), "organizations": organizations, **known}
    with rls.acting_as(f"org:{organization_id}"):
        outbox.publish(topic, key=f"{topic}:{known}", organization_id=organization_id, payload=payload)


KNOWN = {
    **{"user": "usr_x", "grant": "grant_x", "connection": "conn_x", "session": "ses_x", "key": "key_x"},
    "organization": "org_x",
}


@pytest.mark.parametrize("topic", sorted(TERMS))
def test_whatever_ends_somebodys_reach_is_told_to_the_edge(running, edge, acme, topic):
    tell(topic, acme.pk, [acme.pk], **KNOWN)
    deliver()
    term, known_as = TERMS[topic]
    body = body_of_last(edge)
    assert edge.calls[-1] == ("POST", f"/v1/tenants/{running.pk}/revocations")
    assert body[term] == KNOWN[known_as]
    assert set(body) == {"epoch", "idempotency_key", "before", term}
    assert body["before"].endswith("Z")


def test_a_revocation_is_pending_until_the_edge_has_confirmed_it(running, edge, acme, alice_acts):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    for _ in range(4):
        edge.fail_next("revocations", httpx.ConnectError("away"))
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert queries.pending_revocations(alice_acts, running).count() == 1
    deliver()
    with rls.acting_as(alice_acts.rls_actor):
        assert queries.pending_revocations(alice_acts, running).count() == 0
        (done,) = queries.revocations_of(alice_acts, running)
    assert done.closed == 1
    keys = {json.loads(each.content)["idempotency_key"] for each in edge.requests if "revocations" in each.url.path}
    assert keys == {done.pk}


def test_a_member_of_an_msp_who_leaves_loses_every_clients_tenants(running, edge, acme, msp):
    tell("organizations.membership.ended", msp.pk, [msp.pk, acme.pk], user="usr_x")
    deliver()
    assert edge.calls[-1] == ("POST", f"/v1/tenants/{running.pk}/revocations")


def test_one_edge_that_is_away_delays_no_other_tenants_revocation(running, new_tenant, edge, acme):
    other, _ = new_tenant("Branch")
    reconcile(other.pk)
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    for _ in range(4):
        edge.fail_next(f"{running.pk}/revocations", httpx.ReadTimeout("hangs"))
    deliver()
    with all_rows():
        pending = {each.tenant_id: each.pending for each in Revocation.objects.all()}
    assert pending == {running.pk: True, other.pk: False}


def test_a_fact_that_is_delivered_twice_revokes_once(running, edge, acme):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    deliver()
    with all_rows():
        Delivery.objects.filter(message__topic="organizations.session.ended").update(
            delivered_at=None, next_attempt_at=timezone.now()
        )
    deliver()
    with all_rows():
        assert Revocation.objects.count() == 1


def test_tenants_that_the_edge_never_saw_need_no_revocation(tenant, edge, acme):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    deliver()
    assert edge.calls == []


def test_a_tenant_that_is_gone_at_the_edge_holds_no_session(running, edge, acme):
    tell("organizations.session.ended", acme.pk, [acme.pk], session="ses_x")
    edge.fail_next("revocations", refusal(410, "TENANT_DELETED"))
    deliver()
    with all_rows():
        assert Revocation.objects.get().closed == 0

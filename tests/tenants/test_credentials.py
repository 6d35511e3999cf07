"""New passwords for a tenant's nodes on demand: the same way as new certificates, and never a value on the way."""

import json
import re

import pytest

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden
from tenants.protection.maintenance import rotation
from tenants.provisioning import lifecycle
from tenants.provisioning.problems import NotPossibleNow, OperationInProgress
from tenants.provisioning.timeline import tell
from tests.cast import actor_for, session_of
from tests.tenants.conftest import deliver, fresh, operation_of, read_feed, states

pytestmark = pytest.mark.django_db

ROTATE = "credentials/rotate"


@pytest.fixture
def asked(running, alice_acts):
    """A rotation that the edge has not heard of yet."""
    with rls.acting_as(alice_acts.rls_actor):
        return rotation.rotate_credentials(by=alice_acts, tenant=running)


def test_it_goes_to_the_edge_under_its_own_id_and_is_followed_to_its_end(running, asked, edge, alice_acts):
    assert list(states(asked)) == ["submit", "generate", "switch", "indexer", "manager", "dashboard", "verify"]
    deliver()
    body = json.loads(next(call for call in edge.requests if ROTATE in call.url.path).content)
    assert body == {"epoch": running.cell.epoch, "operation_id": asked.pk}
    assert edge.count("certs/rotate") == 0
    edge.progress(running.pk, "manager")
    read_feed()
    assert fresh(running).status == "attention"
    with rls.acting_as(alice_acts.rls_actor):
        (reason,) = lifecycle.attention(fresh(running), running.created_at)
    assert reason["code"] == "CREDENTIALS_ROTATE"
    edge.finish(running.pk)
    read_feed()
    assert (fresh(asked).state, set(states(asked).values())) == ("succeeded", {"succeeded"})
    assert (fresh(running).status, fresh(running).generation) == ("running", running.generation)
    with rls.acting_as(alice_acts.rls_actor):
        entry = AuditEntry.objects.get(action="tenants.tenant.rotate_credentials")
    assert (entry.actor["user"], entry.data["operation"]) == (alice_acts.user_id, asked.pk)


def test_the_page_says_the_effect_first_and_then_shows_the_steps(running, alice, edge):
    client = session_of(alice)
    page = client.get(f"/t/{running.pk}/").content.decode()
    assert "Rotate passwords…" in page
    assert "keep their keys" in page
    asked = client.post(f"/t/{running.pk}/rotate-credentials/", follow=True).content.decode()
    assert "gets new passwords" in asked
    assert "A new password for everything that has one" in asked
    edge.views[running.pk]["credentials"] = {"generation": 2, "rotated_at": "2026-11-20T10:00:00Z"}
    edge.publish(running.pk)
    read_feed()
    shown = client.get(f"/t/{running.pk}/certificates/")
    assert shown.context["credentials"]["generation"] == 2
    assert "since 20 Nov 2026" in " ".join(re.sub(r"<[^>]+>", " ", shown.content.decode()).split())


def test_one_rotation_at_a_time_whatever_it_exchanges(running, asked, edge, alice_acts):
    deliver()
    edge.finish(running.pk)
    edge.begin_rotation(running.pk, "op_" + "e" * 20)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(OperationInProgress):
        rotation.rotate_credentials(by=alice_acts, tenant=running)


def test_only_a_tenant_that_runs_gets_new_passwords(tenant, alice_acts):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow, match="new passwords"):
        rotation.rotate_credentials(by=alice_acts, tenant=tenant)


def test_a_viewer_may_not_ask_for_it(running, vera, acme):
    actor = actor_for(vera)
    with rls.acting_as(actor.rls_actor), pytest.raises(Forbidden):
        rotation.rotate_credentials(by=actor, tenant=running)


def test_one_that_was_rolled_back_says_which_passwords_are_in_use(running, asked, edge, alice_acts):
    deliver()
    edge.roll_back(running.pk, "manager")
    read_feed()
    failed = operation_of(running)
    assert (failed.kind, failed.state, failed.error["code"]) == ("rotate_credentials", "failed", "ROTATION_ROLLED_BACK")
    with rls.acting_as(alice_acts.rls_actor):
        assert tell(failed).kept == "The passwords from before the rotation are the ones in use."

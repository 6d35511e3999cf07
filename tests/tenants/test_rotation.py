"""New certificates on demand: asked for here, done at the edge, and mirrored from there whoever began it."""

import json

import jwt
import pytest

from billing import actions as billing
from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden
from tenants.access import actions as access
from tenants.protection.deletion import actions as deletion
from tenants.protection.maintenance import rotation
from tenants.provisioning import actions, feed, intents
from tenants.provisioning.problems import NotPossibleNow, OperationInProgress, PastPointOfNoReturn
from tenants.provisioning.reconciler import reconcile
from tenants.provisioning.timeline import tell
from tests.cast import actor_for, session_of
from tests.tenants.conftest import deliver, fresh, make_due, operation_of, read_feed, states
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db

STEPS = ["submit", "mint", "switch", "indexer", "manager", "dashboard", "verify"]
ROTATE = "certs/rotate"


@pytest.fixture
def asked(running, alice_acts):
    """A rotation that the edge has not heard of yet."""
    with rls.acting_as(alice_acts.rls_actor):
        return rotation.rotate_certificates(by=alice_acts, tenant=running)


def test_a_rotation_goes_to_the_edge_under_its_own_id_and_is_followed_to_its_end(running, asked, edge):
    assert list(states(asked)) == STEPS
    generation = running.generation
    deliver()
    body = json.loads(next(call for call in edge.requests if ROTATE in call.url.path).content)
    assert body == {"epoch": 1, "operation_id": asked.pk}
    assert (fresh(asked).state, states(asked)["submit"]) == ("running", "succeeded")
    edge.progress(running.pk, "manager")
    read_feed()
    assert [states(asked)[step] for step in ("indexer", "manager", "verify")] == ["succeeded", "running", "pending"]
    (reason,) = fresh(running).attention
    assert reason["code"] == "CERTIFICATES_ROTATE"
    edge.finish(running.pk)
    read_feed()
    assert (fresh(asked).state, set(states(asked).values())) == ("succeeded", {"succeeded"})
    assert (fresh(running).status, fresh(running).generation) == ("running", generation)


def test_a_page_asks_for_it_with_a_word_of_what_it_means(running, alice, edge):
    client = session_of(alice)
    page = client.get(f"/t/{running.pk}/").content.decode()
    assert "Rotate certificates…" in page
    assert "Agents reconnect by themselves" in page
    asked = client.post(f"/t/{running.pk}/rotate-certificates/", follow=True).content.decode()
    assert "gets new certificates" in asked
    assert "Restarts with them; agents reconnect by themselves" in asked
    assert "Rotate certificates…" not in asked


def test_one_rotation_at_a_time_whoever_began_it(running, asked, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(OperationInProgress):
        rotation.rotate_certificates(by=alice_acts, tenant=running)
    deliver()
    edge.finish(running.pk)
    edge.begin_rotation(running.pk, "op_" + "e" * 20)
    read_feed()
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(OperationInProgress):
        rotation.rotate_certificates(by=alice_acts, tenant=running)


def test_only_a_tenant_that_runs_gets_new_certificates(tenant, alice_acts):
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(NotPossibleNow):
        rotation.rotate_certificates(by=alice_acts, tenant=tenant)


def test_an_operator_may_ask_for_it_and_a_viewer_may_not(running, vera, bob, acme):
    for person, may in ((vera, False), (bob, True)):
        actor = actor_for(person)
        with rls.acting_as(actor.rls_actor):
            if may:
                assert rotation.rotate_certificates(by=actor, tenant=running).requested_by == bob.pk
            else:
                with pytest.raises(Forbidden):
                    rotation.rotate_certificates(by=actor, tenant=running)


def test_it_leaves_its_entry_in_the_trail(asked, acme, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        entry = AuditEntry.objects.get(action="tenants.tenant.rotate_certificates")
    assert (entry.actor["user"], entry.data["operation"]) == (alice_acts.user_id, asked.pk)


def test_an_answer_that_was_lost_is_asked_for_again_and_the_edge_rotates_once(running, asked, edge):
    edge.lose_answer_of_next(ROTATE)
    deliver()
    assert edge.count(ROTATE) == 2
    assert [change["data"]["run"]["operation_id"] for change in edge.changes].count(asked.pk) == 1
    assert fresh(asked).state == "running"


def test_what_the_edge_refuses_ends_with_the_words_of_the_edge(running, asked, edge):
    edge.fail_next(ROTATE, refusal(409, "TENANT_NOT_RUNNING"))
    deliver()
    assert (fresh(asked).state, fresh(asked).error["code"]) == ("failed", "TENANT_NOT_RUNNING")
    assert edge.count(ROTATE) == 1
    assert fresh(running).status == "running"


def test_a_rotation_that_was_rolled_back_says_so_and_is_asked_for_anew_not_retried(running, asked, edge, alice_acts):
    deliver()
    edge.roll_back(running.pk, "manager")
    read_feed()
    failed = operation_of(running)
    assert (failed.state, failed.error["code"]) == ("failed", "ROTATION_ROLLED_BACK")
    assert (states(failed)["manager"], states(failed)["rollback"]) == ("failed", "succeeded")
    with rls.acting_as(alice_acts.rls_actor):
        told = tell(failed)
        assert [line.title for line in told.lines][-1] == "Roll back"
        assert told.kept == "The certificates from before the rotation are the ones in use."
        with pytest.raises(NotPossibleNow):
            actions.retry(by=alice_acts, operation=failed)
        assert rotation.rotate_certificates(by=alice_acts, tenant=running).pk != failed.pk
    assert fresh(running).status == "running"


def test_it_is_taken_back_until_the_edge_was_told_and_not_later(running, asked, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        actions.cancel(by=alice_acts, operation=asked)
    deliver()
    assert edge.count(ROTATE) == 0
    reconcile(running.pk)
    assert edge.count("PUT") == 1
    with rls.acting_as(alice_acts.rls_actor):
        another = rotation.rotate_certificates(by=alice_acts, tenant=running)
    deliver()
    with rls.acting_as(alice_acts.rls_actor), pytest.raises(PastPointOfNoReturn):
        actions.cancel(by=alice_acts, operation=another)


def test_a_deletion_supersedes_it(running, asked, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        deletion.delete(by=alice_acts, tenant=running, confirm_name="Office")
    deliver()
    assert (fresh(asked).state, edge.count(ROTATE)) == ("cancelled", 0)


def test_a_suspension_supersedes_it(running, asked, edge, acme):
    deliver()
    staff = Actor.system("dunning", organization_id=acme.pk)
    with rls.acting_as(staff.rls_actor):
        billing.suspend(by=staff, organization_id=acme.pk)
    make_due(running)
    reconcile(running.pk)
    assert (fresh(asked).state, fresh(asked).error["code"]) == ("cancelled", "SUPERSEDED")


def test_it_never_carries_a_spec_that_is_to_be_handed_over(running, asked, edge, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        intents.forget_what_was_sent(running)
        running.save()
    make_due(running)
    reconcile(running.pk)
    assert fresh(asked).state == "cancelled"
    assert operation_of(running).kind == "start"


def test_a_view_from_before_it_was_handed_over_does_not_end_it(running, asked, edge):
    edge.publish(running.pk)
    read_feed()
    assert fresh(asked).state == "queued"


def test_one_whose_end_was_missed_does_not_stay_open(running, asked, edge):
    deliver()
    edge.begin_rotation(running.pk, "op_" + "e" * 20)
    owner = feed.claim_feed("lo")
    with rls.acting_as(f"org:{running.organization_id}"):
        feed.resync(running.cell, owner)
    assert (fresh(asked).state, fresh(asked).error["code"]) == ("cancelled", "OVERTAKEN")


def test_a_renewal_that_the_edge_began_is_seen_as_the_edges(running, edge):
    edge.begin_rotation(running.pk, "op_" + "e" * 20)
    edge.progress(running.pk, "indexer")
    read_feed()
    adopted = operation_of(running)
    assert (adopted.kind, adopted.source, adopted.state) == ("rotate_certificates", "edge", "running")
    assert states(adopted)["indexer"] == "running"
    edge.finish(running.pk)
    read_feed()
    assert fresh(adopted).state == "succeeded"


def test_a_credential_for_the_edge_is_for_rotating_one_tenant_alone(running, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        issued = access.rotation_token(by=alice_acts, tenant=running)
    claims = jwt.decode(issued.token, options={"verify_signature": False})
    assert (claims["scope"], claims["tenant"], claims["sub"]) == ("certs:rotate", running.pk, alice_acts.user_id)
    assert claims["exp"] - claims["iat"] <= 8 * 3600
    assert issued.url == "http://edge.test/api/certs/rotate"


def test_the_page_of_certificates_tells_what_is_in_use_and_what_was_exchanged(running, edge, alice, vera):
    edge.views[running.pk] |= {
        "certificate": {
            **{"generation": 4, "not_after": "2027-11-27T10:00:00Z", "renew_at": "2027-08-27T10:00:00Z"},
            **{"fingerprint": "ab" * 32, "ca_fingerprint": "cd" * 32},
        },
        "credentials": {"generation": 2, "rotated_at": "2026-11-20T10:00:00Z"},
    }
    edge.publish(running.pk)
    edge.begin_rotation(running.pk, "run_by_the_clock")
    read_feed()
    page = session_of(alice).get(f"/t/{running.pk}/certificates/")
    assert "cd" * 32 in page.content.decode()
    assert page.context["credentials"]["generation"] == 2
    assert [row["asked_by"] for row in page.context["rows"]] == ["the edge"]
    assert not page.context["can_rotate"]
    assert session_of(vera).get(f"/t/{running.pk}/certificates/").context["can_rotate"] is False


def test_certificates_are_rotated_from_their_page_by_whoever_may(running, alice, vera):
    pages = {person: session_of(person).get(f"/t/{running.pk}/certificates/") for person in (alice, vera)}
    assert "Rotate certificates now" in pages[alice].content.decode()
    assert "Rotate certificates now" not in pages[vera].content.decode()

import pytest
from django.db import DatabaseError, connection, transaction

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.audit_chain import verify
from controlplane.models import AuditEntry, AuditHead
from tests.database import all_rows

pytestmark = pytest.mark.django_db

ALICE = Actor(user_id="usr_alice", kind="user", session_id="ses_1", request_id="req_1", address="192.0.2.1")


@pytest.fixture
def chain():
    """Three entries of org_a and one of org_b."""
    for organization, targets in {"org_a": ["t1", "t2", "t3"], "org_b": ["t4"]}.items():
        with rls.acting_as(f"org:{organization}"):
            for target in targets:
                audit.record(
                    by=ALICE,
                    action="test.thing.made",
                    organization_id=organization,
                    target=target,
                    data={"größe": 3, "list": ["a", None, True], "b": {"z": 1, "a": 2}},
                )


def test_an_entry_names_who_did_what_to_what(chain):
    with rls.acting_as("org:org_a"):
        newest = audit.entries_of("org_a")[0]
    assert (newest.action, newest.target, newest.refused) == ("test.thing.made", "t3", False)
    assert newest.actor == {
        "kind": "user",
        "user": "usr_alice",
        "session": "ses_1",
        "request": "req_1",
        "address": "192.0.2.1",
    }


def test_an_entry_under_a_grant_names_the_grant():
    with rls.acting_as("org:org_a"):
        entry = audit.record(by=ALICE, action="a.b.c", organization_id="org_a", target="t", grant_id="grant_1")
    assert entry.actor["grant"] == "grant_1"


def test_the_chain_of_each_organization_holds(chain):
    assert verify("org_a").holds
    assert verify("org_b").holds


def test_an_entry_stands_or_falls_with_the_change_it_tells_of():
    with rls.acting_as("org:org_a"):
        audit.record(by=ALICE, action="a.b.c", organization_id="org_a", target="t")
        transaction.set_rollback(True)
    with all_rows():
        assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused():
    with pytest.raises(RuntimeError, match="transaction"):
        audit.record(by=ALICE, action="a.b.c", organization_id="org_a", target="t")


@pytest.mark.parametrize("statement", ["UPDATE {} SET target = 'x'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_or_delete_an_entry(chain, statement):
    with (
        pytest.raises(DatabaseError, match=r"append-only|permission denied"),
        rls.acting_as("org:org_a"),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("controlplane_auditentry"))


@pytest.mark.postgres
@pytest.mark.parametrize("statement", ["UPDATE {} SET target = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_not_even_the_owner_changes_an_entry(chain, statement):
    with pytest.raises(DatabaseError, match="append-only"), all_rows(), connection.cursor() as cursor:
        cursor.execute(statement.format("controlplane_auditentry"))


def test_what_belongs_to_no_organization_is_in_the_platforms_chain():
    with rls.acting_as("user:usr_alice"):
        audit.record(by=ALICE, action="a.b.c", organization_id=None, target="t")
    assert verify(rls.PLATFORM).holds
    with rls.acting_as(rls.PLATFORM):
        assert AuditEntry.objects.filter(organization_id=rls.PLATFORM).count() == 1


@pytest.mark.postgres
def test_an_outsider_reads_and_writes_no_strangers_trail(chain):
    with rls.acting_as("user:usr_mallory"):
        assert not AuditEntry.objects.exists()
        assert not AuditHead.objects.exists()
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            audit.record(by=ALICE, action="a.b.c", organization_id="org_a", target="forged")


def test_a_refusal_survives_the_rollback():
    with audit.keeping_refusals(), rls.acting_as("org:org_a"):
        audit.record(by=ALICE, action="a.b.done", organization_id="org_a", target="t")
        audit.record_refusal(by=ALICE, action="a.b.refused", organization_id="org_a", target="t")
        transaction.set_rollback(True)
    with all_rows():
        assert [entry.action for entry in AuditEntry.objects.all()] == ["a.b.refused"]
    assert verify("org_a").holds


def test_data_that_would_not_come_back_unchanged_is_refused():
    with pytest.raises(TypeError, match="plain JSON"), rls.acting_as("org:org_a"):
        audit.record(by=ALICE, action="a.b.c", organization_id="org_a", target="t", data={"x": object()})

"""What the database itself lets the application see of tenants, whatever the queries say."""

import pytest
from django.db import ProgrammingError, connection, transaction

from controlplane import rls
from tenants.provisioning import claims
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.tenants.conftest import read_feed
from tests.tenants.edge import FakeEdge

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

TABLES = [
    "tenant",
    "operation",
    "step",
    "enrollmenttoken",
    "agent",
    "agentreading",
    "refusal",
    "revocation",
    "usagehour",
]


def seen(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM tenants_{table}")
        return cursor.fetchone()[0]


def test_raw_sql_without_an_actor_sees_nothing(running):
    assert [seen(table) for table in TABLES] == [0] * len(TABLES)


def test_raw_sql_as_a_stranger_sees_nothing_and_as_a_member_what_is_theirs(running, mallory, vera, rival):
    with rls.acting_as(actor_for(mallory).rls_actor):
        assert [seen(table) for table in TABLES] == [0] * len(TABLES)
    with rls.acting_as(actor_for(vera).rls_actor):
        assert (seen("tenant"), seen("operation"), seen("step")) == (1, 1, 6)


def test_nobody_writes_rows_into_another_organization(running, mallory, rival):
    statement = "UPDATE tenants_tenant SET requested = 'deleted'"
    with rls.acting_as(actor_for(mallory).rls_actor), connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount == 0
    copy = "INSERT INTO tenants_step SELECT * FROM jsonb_populate_record(null::tenants_step, %s)"
    row = (
        '{"id": 999, "position": 1, "name": "x", "state": "pending", "attempts": 0,'
        f' "organization_id": "{running.organization_id}", "operation_id": "op_x"}}'
    )
    refused = pytest.raises(ProgrammingError, match="row-level security")
    with rls.acting_as(actor_for(mallory).rls_actor), refused, transaction.atomic():
        connection.cursor().execute(copy, [row])


def test_a_claim_tells_the_organization_and_nothing_else(running):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM due_tenants(10, now() + interval '1 day')")
        assert [column.name for column in cursor.description] == ["id"]
        cursor.execute("SELECT * FROM actor_of_change('lo', %s)", [running.pk])
        assert cursor.fetchall() == [(f"org:{running.organization_id}",)]


def test_the_whole_life_of_a_tenant_works_under_its_own_organization_alone(new_tenant, edge: FakeEdge):
    tenant, _ = new_tenant()
    assert rls.current_actor() == ""
    assert claims.due_tenants(5) == [tenant.pk]
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()
    with rls.acting_as(f"org:{tenant.organization_id}"):
        assert seen("tenant") == 1

"""Row-level security itself; `tests/isolation` checks that every table has it."""

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from controlplane import rls
from controlplane.models import Access, Message
from controlplane.rls_operations import EnableRowSecurity
from tests.database import all_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_organizations():
    """Alice sees org_a, bob sees org_b; each organization has one row."""
    with all_rows():
        Access.objects.create(actor="user:usr_alice", organization_id="org_a", via="m1")
        Access.objects.create(actor="user:usr_bob", organization_id="org_b", via="m2")
        for name in ("a", "b"):
            Message.objects.create(topic="t", key=name, organization_id=f"org_{name}", payload={})


def seen() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM controlplane_message")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("actor", "visible"),
    [
        ("user:usr_alice", {"org_a"}),
        ("user:usr_bob", {"org_b"}),
        ("user:usr_mallory", set()),
        ("org:org_b", {"org_b"}),
        ("org:", set()),
        ("", set()),
        ("platform", set()),
    ],
)
def test_raw_sql_without_a_filter_sees_only_what_the_actor_may(two_organizations, actor, visible):
    with rls.acting_as(actor):
        assert seen() == visible


@pytest.mark.postgres
def test_without_an_actor_there_are_no_rows(two_organizations):
    assert seen() == set()


@pytest.mark.postgres
def test_a_look_at_a_client_does_not_go_through_its_msps_grants(acme, maria):
    with rls.acting_as(f"user:{maria.pk}"), connection.cursor() as cursor:
        cursor.execute("EXPLAIN ANALYZE SELECT name FROM organizations_organization WHERE id = %s", [acme.pk])
        plan = [line for (line,) in cursor.fetchall()]
    (grants,) = [line for line in plan if " on organizations_grant" in line]
    assert "rows=1 " in plan[0].partition("actual")[2]
    assert "never executed" in grants


@pytest.mark.postgres
def test_nobody_writes_into_a_strangers_organization(two_organizations):
    with rls.acting_as("user:usr_alice"):
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Message.objects.create(topic="t", key="forged", organization_id="org_b", payload={})
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Message.objects.filter(organization_id="org_a").update(organization_id="org_b")
        assert Message.objects.filter(organization_id="org_b").update(key="taken") == 0
        assert Message.objects.filter(organization_id="org_b").delete()[0] == 0


@pytest.mark.postgres
def test_access_that_has_ended_shows_nothing(two_organizations):
    from datetime import timedelta

    from django.utils import timezone

    with all_rows():
        Access.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    with rls.acting_as("user:usr_alice"):
        assert seen() == set()


@pytest.mark.postgres
def test_nobody_gives_himself_access(two_organizations):
    with rls.acting_as("user:usr_mallory"), pytest.raises(ProgrammingError, match="permission denied"):
        Access.objects.create(actor="user:usr_mallory", organization_id="org_a", via="forged")


def test_the_former_actor_comes_back_after_a_block():
    with rls.acting_as("user:usr_alice"):
        with rls.acting_as("org:org_b"):
            assert rls.current_actor() == "org:org_b"
        assert rls.current_actor() == "user:usr_alice"
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('app.actor', true)")
                assert cursor.fetchone() == ("user:usr_alice",)
    assert rls.current_actor() == ""


def test_the_former_actor_comes_back_after_a_failed_block(two_organizations):
    with rls.acting_as("user:usr_alice"):
        with pytest.raises(ValueError, match="boom"), rls.acting_as("org:org_b"):
            raise ValueError("boom")
        if connection.vendor == "postgresql":
            assert seen() == {"org_a"}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_actor_outside_a_transaction_is_refused():
    with pytest.raises(RuntimeError, match="inside a transaction"):
        rls.set_actor("user:usr_alice")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_actor_does_not_leak_through_the_pool(two_organizations):
    for _ in range(20):
        with rls.acting_as("user:usr_alice"):
            assert seen() == {"org_a"}
        connection.close()
        assert seen() == set()
        connection.close()


@pytest.mark.postgres
def test_the_role_of_the_tests_can_not_pass_by():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("app", False, False)


@pytest.mark.parametrize("name", ["", "Upper", "a;drop", 'a"b', "a b"])
def test_a_name_that_needs_quotes_is_no_name(name):
    with pytest.raises(ValueError, match="name"):
        EnableRowSecurity(name)

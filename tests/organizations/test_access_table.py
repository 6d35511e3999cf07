"""The access table: kept by triggers on both databases, and the ground of row-level security."""

import datetime as dt

import pytest
from django.db import connection, transaction
from django.utils import timezone

from controlplane import rls
from controlplane.models import Access
from organizations.actions import grants
from organizations.models import Grant, Membership, Organization, User
from tests.cast import actor_for
from tests.database import all_rows

SCOPED = [
    "organizations_organization",
    "organizations_membership",
    "organizations_grant",
    "organizations_invitation",
    "organizations_connection",
    "organizations_seenassertion",
    "organizations_apikey",
    "organizations_user",
    "socialaccount_socialaccount",
    "organizations_access",
]


def reach(user: User) -> set[str]:
    """Organizations that the table lets a person see."""
    with all_rows():
        return set(Access.objects.filter(actor=f"user:{user.pk}").values_list("organization_id", flat=True))


def expected() -> set[tuple[str, str, str]]:
    """The table as memberships, grants and organizations say it should be."""
    rows = {(f"org:{each.pk}", each.pk, "self") for each in Organization.objects.all()}
    able = Membership.objects.filter(blocked_at=None)
    rows |= {(f"user:{each.user_id}", each.organization_id, each.pk) for each in able}
    for grant in Grant.objects.filter(state="active"):
        members = able.filter(organization_id=grant.msp_id)
        rows |= {(f"user:{member.user_id}", grant.client_id, grant.pk) for member in members}
    return rows


def the_table_is_right() -> bool:
    with all_rows():
        return set(Access.objects.values_list("actor", "organization_id", "via")) == expected()


def test_members_see_their_organization_and_an_msps_members_its_clients(
    acme: Organization, msp: Organization, rival: Organization, alice: User, maria: User, mallory: User
) -> None:
    assert reach(alice) == {acme.pk}
    assert reach(maria) == {msp.pk, acme.pk}
    assert reach(mallory) == {rival.pk}
    assert the_table_is_right()


def test_the_table_follows_every_change(
    acme: Organization, msp: Organization, rival: Organization, bob: User, mallory: User
) -> None:
    changes = [
        lambda: Membership.objects.create(user=bob, organization=msp, role="viewer"),
        lambda: Membership.objects.filter(user=bob, organization=msp).update(role="admin"),
        lambda: Membership.objects.filter(user=bob, organization=msp).update(blocked_at=timezone.now()),
        lambda: Grant.objects.update(ends_at=timezone.now() + dt.timedelta(days=2)),
        lambda: Membership.objects.filter(user=bob, organization=msp).update(blocked_at=None),
        lambda: Membership.objects.filter(user=bob, organization=msp).update(organization=rival),
        lambda: Grant.objects.update(ends_at=timezone.now() + dt.timedelta(days=1)),
        lambda: Grant.objects.update(state="withdrawn"),
        lambda: Grant.objects.create(msp=msp, client=rival, review_at=timezone.now()),
        lambda: Grant.objects.filter(client=acme).update(state="active"),
        lambda: Membership.objects.filter(user=bob).delete(),
        lambda: Grant.objects.filter(client=rival).delete(),
        lambda: Organization.objects.filter(pk=rival.pk).delete(),
    ]
    for number, change in enumerate(changes):
        with all_rows():
            change()
        assert the_table_is_right(), number


def test_who_is_blocked_reaches_nothing_and_all_of_it_again_after(
    acme: Organization, msp: Organization, maria: User
) -> None:
    for blocked_at, seen in ((timezone.now(), set()), (None, {msp.pk, acme.pk})):
        with all_rows():
            Membership.objects.filter(user=maria).update(blocked_at=blocked_at)
        assert reach(maria) == seen


@pytest.mark.postgres
def test_row_security_shows_nothing_to_who_is_blocked(acme: Organization, bob: User) -> None:
    with all_rows():
        Membership.objects.filter(user=bob).update(blocked_at=timezone.now())
    with rls.acting_as(f"user:{bob.pk}"):
        assert not Organization.objects.filter(pk=acme.pk).exists()


def test_the_table_follows_raw_sql_too(acme: Organization, bob: User) -> None:
    with all_rows(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM organizations_membership WHERE user_id = %s", [bob.pk])
    assert reach(bob) == set()


def test_an_ended_grant_shows_nothing_though_nobody_touched_it(acme: Organization, maria: User) -> None:
    with all_rows():
        Grant.objects.update(ends_at=timezone.now() - dt.timedelta(seconds=1))
        row = Access.objects.get(actor=f"user:{maria.pk}", organization_id=acme.pk)
    assert row.ends_at < timezone.now()


@pytest.mark.postgres
def test_row_security_honours_a_grants_end(acme: Organization, maria: User) -> None:
    with rls.acting_as(f"user:{maria.pk}"):
        assert Membership.objects.filter(organization=acme).exists()
    with all_rows():
        Grant.objects.update(ends_at=timezone.now() - dt.timedelta(seconds=1))
    with rls.acting_as(f"user:{maria.pk}"):
        assert not Membership.objects.filter(organization=acme).exists()


@pytest.mark.postgres
@pytest.mark.parametrize("table", SCOPED)
def test_raw_sql_without_a_filter_shows_nothing_foreign(
    table: str, acme: Organization, rival: Organization, mallory: User
) -> None:
    with rls.acting_as(f"user:{mallory.pk}"), connection.cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
        rows = "".join(row[0] for row in cursor.fetchall())
    assert acme.pk not in rows
    assert "alice@example.test" not in rows


@pytest.mark.postgres
@pytest.mark.parametrize("table", SCOPED)
def test_without_an_actor_there_are_no_rows(table: str, acme: Organization) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() == (0,)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO organizations_access (actor, organization_id, via) VALUES ('user:{me}', '{acme}', 'x')",
        "INSERT INTO organizations_membership (id, user_id, organization_id, role, created_at)"
        " VALUES ('mem_x', '{me}', '{acme}', 'owner', now())",
        "INSERT INTO organizations_grant (id, msp_id, client_id, role_ceiling, state, created_at, review_at)"
        " VALUES ('grant_x', '{mine}', '{acme}', 'owner', 'active', now(), now())",
        "INSERT INTO socialaccount_socialaccount (provider, uid, user_id, extra_data, last_login, date_joined)"
        " VALUES ('platform', 'x', '{alice}', '{{}}', now(), now())",
        "UPDATE organizations_membership SET organization_id = '{acme}' WHERE user_id = '{me}'",
    ],
)
def test_nobody_writes_themselves_into_a_foreign_organization(
    statement: str, acme: Organization, rival: Organization, mallory: User, alice: User
) -> None:
    from django.db import DatabaseError

    text = statement.format(me=mallory.pk, acme=acme.pk, mine=rival.pk, alice=alice.pk)
    with (
        pytest.raises(DatabaseError, match=r"row-level security|permission denied"),
        rls.acting_as(f"user:{mallory.pk}"),
        connection.cursor() as cursor,
    ):
        cursor.execute(text)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE organizations_organization SET name = 'taken' WHERE id = '{msp}'",
        "DELETE FROM organizations_organization WHERE id = '{msp}'",
        "UPDATE organizations_user SET email = 'x@x' WHERE id = '{bob}'",
        "DELETE FROM organizations_user WHERE id = '{bob}'",
    ],
)
def test_what_may_be_seen_through_another_row_may_not_be_written(
    statement: str, acme: Organization, msp: Organization, alice: User, bob: User
) -> None:
    """A client sees its MSP's name, and a member their fellows; neither may change them by SQL."""
    with rls.acting_as(f"user:{alice.pk}"), connection.cursor() as cursor:
        cursor.execute(statement.format(msp=msp.pk, bob=bob.pk))
        assert cursor.rowcount == 0


@pytest.mark.postgres
def test_a_client_sees_which_msp_acts_for_it(acme: Organization, msp: Organization, alice: User) -> None:
    with rls.acting_as(f"user:{alice.pk}"):
        assert Organization.objects.filter(pk=msp.pk).exists()
        actor = actor_for(alice)
        grants.withdraw(by=actor, grant=Grant.objects.get(client=acme))
        assert not Organization.objects.filter(pk=msp.pk).exists()


@pytest.mark.postgres
def test_the_narrow_functions_answer_one_question_each(acme: Organization, mallory: User) -> None:
    with rls.acting_as(f"user:{mallory.pk}"), connection.cursor() as cursor:
        for function, arguments in (
            ("organizations_organization_of_connection", ["%"]),
            ("organizations_person_of_identity", ["platform", "%"]),
            ("organizations_staff_of_address", ["%"]),
            ("organizations_my_invitations", []),
        ):
            cursor.execute(f"SELECT * FROM {function}({', '.join(['%s'] * len(arguments))})", arguments)
            assert cursor.fetchall() == []

"""Following a trail as a SIEM does: each entry once, in order, from where one was."""

from typing import Any

import pytest
from django.test import Client

from controlplane import audit, rls
from controlplane.actor import Actor
from organizations.models import Organization, User
from tests.cast import session_of
from tests.organizations.conftest import audited

pytestmark = pytest.mark.django_db


def write(organization: Organization, target: str) -> None:
    with rls.acting_as(f"org:{organization.pk}"):
        actor = Actor.system("the clock", organization_id=organization.pk)
        audit.record(by=actor, action="test.thing.make", organization_id=organization.pk, target=target)


@pytest.fixture
def collector(alice: User) -> Client:
    return session_of(alice)


def ask(collector: Client, organization: Organization, **asked: Any) -> Any:
    return collector.get(f"/api/v1/organizations/{organization.pk}/audit/feed", asked)


def test_whoever_goes_on_from_where_they_were_gets_each_entry_once_in_order(
    collector: Client, acme: Organization
) -> None:
    for number in range(5):
        write(acme, f"thing {number}")
    seen, after, more = [], 0, True
    while more:
        page = ask(collector, acme, after=after, limit=3).json()
        seen += page["results"]
        after, more = page["next"], page["more"]
    entries = audited(acme.pk)
    assert [entry["id"] for entry in seen] == [entry.pk for entry in entries]
    assert [entry["previous"] for entry in seen[1:]] == [entry["hash"] for entry in seen[:-1]]
    assert ask(collector, acme, after=after).json() == {"results": [], "next": after, "more": False}
    write(acme, "later")
    assert [entry["target"] for entry in ask(collector, acme, after=after).json()["results"]] == ["later"]


def test_following_leaves_no_entry(collector: Client, acme: Organization) -> None:
    before = len(audited(acme.pk))
    for _ in range(3):
        assert ask(collector, acme).status_code == 200
    assert len(audited(acme.pk)) == before


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"after": "x"}, "after"), ({"after": -1}, "after"), ({"limit": 0}, "limit"), ({"limit": 1001}, "limit")],
)
def test_what_can_not_be_meant_is_told_at_its_parameter(
    collector: Client, acme: Organization, asked: dict[str, Any], field: str
) -> None:
    answer = ask(collector, acme, **asked)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_another_organizations_trail_is_not_there(collector: Client, acme: Organization, rival: Organization) -> None:
    assert ask(collector, rival).status_code == 404

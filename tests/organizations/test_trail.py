"""Searching and reading an organization's audit trail, on pages and by API."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry
from organizations.actions import members
from organizations.models import Grant, Membership, Organization, User
from organizations.trail.search import SearchForm, actions_in, found
from tests.cast import actor_for, session_of
from tests.database import all_rows

DAY = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the time that entries are written at."""

    def set_to(moment: dt.datetime) -> None:
        monkeypatch.setattr("controlplane.audit.timezone.now", lambda: moment)

    return set_to


def write(organization: Organization, *, by: Actor, action: str = "test.thing.make", **more: Any) -> AuditEntry:
    with rls.acting_as(f"org:{organization.pk}"):
        return audit.record(
            by=by, action=action, organization_id=organization.pk, target=more.pop("target", "thing"), **more
        )


def search(organization: Organization, **asked: str) -> list[AuditEntry]:
    with rls.acting_as(f"org:{organization.pk}"):
        form = SearchForm(asked)
        assert form.is_valid(), form.errors
        return list(found(organization.pk, form).order_by("position"))


def targets(organization: Organization, **asked: str) -> list[str]:
    return [entry.target for entry in search(organization, **asked)]


@pytest.fixture
def told(acme: Organization, alice: User, bob: User, maria: User) -> Iterator[Organization]:
    """Acme's trail with one entry of each kind of actor."""
    with all_rows():
        grant = Grant.objects.get(client=acme)
    key = Actor(user_id=bob.pk, kind="api_key", key_id="key_" + "a" * 20, request_id="req-of-key")
    write(acme, by=actor_for(alice), target="by-alice")
    write(acme, by=key, target="by-key")
    write(acme, by=actor_for(maria), target="by-maria", grant_id=grant.pk)
    write(acme, by=Actor.system("the clock", organization_id=acme.pk), target="by-clock")
    write(acme, by=actor_for(bob), target="by-bob", refused=True, action="test.other.make")
    return acme


def test_people_are_found_by_name_address_and_id(told: Organization, alice: User) -> None:
    for words in ("Alice", "alice@EXAMPLE", alice.pk):
        found_ones = targets(told, who=words)
        assert "by-alice" in found_ones
        assert not {"by-bob", "by-maria", "by-clock", "by-key"} & set(found_ones), words


def test_an_msps_people_are_found_by_name_and_by_their_msp(told: Organization) -> None:
    assert targets(told, who="maria@example.test") == ["by-maria"]
    for words in ("msp", "Northwatch"):
        assert targets(told, who=words)[-1] == "by-maria", words
        assert "by-alice" not in targets(told, who=words)
    with all_rows():
        grant = Grant.objects.get(client=told)
    assert targets(told, who=grant.pk)[-1] == "by-maria"


def test_keys_and_the_system_are_found(told: Organization) -> None:
    assert targets(told, who="key_" + "a" * 20) == targets(told, who="API key") == ["by-key"]
    assert targets(told, who="system") == ["by-clock"]


def test_somebody_who_left_is_still_named(told: Organization, alice: User, bob: User) -> None:
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        membership = Membership.objects.get(organization=told, user=bob)
        members.remove(by=actor, organization=told, membership_id=membership.pk)
    page = session_of(alice).get(f"/o/{told.pk}/audit/?who=bob@example.test").content.decode()
    assert "by-bob" in page
    assert "Bob" in page


def test_names_hold_no_wild_cards(told: Organization) -> None:
    assert targets(told, who="%") == targets(told, who="_lice") == targets(told, who="a\\") == []


def test_people_of_other_organizations_are_not_told_of(told: Organization, mallory: User, rival: Organization) -> None:
    """The attack: searching for addresses to learn who has an account here."""
    assert targets(told, who="mallory") == []
    assert targets(rival, who="alice") == []


def test_actions_are_found_one_by_one_and_by_their_object(told: Organization) -> None:
    assert targets(told, action="test.other.make") == targets(told, action="test.other") == ["by-bob"]
    assert len(targets(told, action="test.thing")) == 4
    assert targets(told, action="test.nothing") == []


def test_the_choice_of_actions_is_what_the_trail_holds(told: Organization) -> None:
    with rls.acting_as(f"org:{told.pk}"):
        known = actions_in(told.pk)
    assert known == sorted({entry.action for entry in search(told)})
    with rls.acting_as("org:org_nobody"):
        assert actions_in("org_nobody") == []


def test_target_request_and_outcome_narrow_together(told: Organization) -> None:
    assert targets(told, target="by-key") == targets(told, request="req-of-key") == ["by-key"]
    assert targets(told, outcome="refused") == ["by-bob"]
    assert "by-bob" not in targets(told, outcome="done")
    assert targets(told, target="by-key", who="system") == []


def test_a_day_ends_at_its_midnight_and_a_moment_before_itself(acme: Organization, alice: User, clock: Any) -> None:
    for hours in (0, 23, 24, 25):
        clock(DAY + dt.timedelta(hours=hours))
        write(acme, by=actor_for(alice), target=f"at-{hours}")
    assert targets(acme, since="2026-11-20", until="2026-11-20") == ["at-0", "at-23"]
    assert targets(acme, since="2026-11-21", until="2026-11-21T01:00Z") == ["at-24"]
    assert targets(acme, since="2026-11-21T02:00+01:00", until="2026-11-22") == ["at-25"]


BAD = [
    ("since", "yesterday"),
    ("until", "9999-12-31"),
    ("since", "0001-01-01T00:00+14:00"),
    ("action", "one"),
    ("action", "a.b.c.d"),
    ("outcome", "maybe"),
    ("who", "x" * 121),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_can_not_be_searched_for_is_said_at_its_field(acme: Organization, alice: User, name: str, value: str):
    browser = session_of(alice)
    page = browser.get(f"/o/{acme.pk}/audit/", {name: value})
    assert page.status_code == 422
    assert f'id="search_{name}_err"' in page.content.decode()
    answer = browser.get(f"/api/v1/organizations/{acme.pk}/audit", {name: value})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, name)


def test_a_range_that_goes_backwards_is_refused(acme: Organization, alice: User) -> None:
    answer = session_of(alice).get(f"/o/{acme.pk}/audit/?since=2026-11-20&until=2026-11-19")
    assert answer.status_code == 422


def test_pages_are_neighbours_and_stay_while_entries_come(acme: Organization, alice: User) -> None:
    for number in range(25):
        write(acme, by=actor_for(alice), target=f"t{number}", action="test.page.make")
    browser = session_of(alice)
    seen: list[str] = []
    address = f"/api/v1/organizations/{acme.pk}/audit?action=test.page&limit=10"
    cursor = ""
    while cursor is not None:
        answer = browser.get(address + (f"&cursor={cursor}" if cursor else "")).json()
        seen += [row["target"] for row in answer["results"]]
        cursor = answer["next"]
        write(acme, by=actor_for(alice), target="newcomer", action="test.page.make")
    assert seen == [f"t{number}" for number in reversed(range(25))]


def test_the_page_keeps_its_search_in_the_address(acme: Organization, alice: User) -> None:
    for number in range(51):
        write(acme, by=actor_for(alice), target=f"t{number}", action="test.page.make")
    browser = session_of(alice)
    page = browser.get(f"/o/{acme.pk}/audit/?action=test.page&who=alice").content.decode()
    (older,) = re.findall(r'href="(\?cursor=[^"]+)">Older', page)
    assert older.endswith("&amp;who=alice&amp;action=test.page")
    last = browser.get(f"/o/{acme.pk}/audit/{older.replace('&amp;', '&')}").content.decode()
    assert last.count('class="row-link"') == 1
    assert '<option value="test.page" selected>' in last


def test_an_entry_shows_everything_it_holds(acme: Organization, alice: User, bob: User) -> None:
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        membership = Membership.objects.get(organization=acme, user=bob)
        members.change_role(by=actor, organization=acme, membership_id=membership.pk, role="viewer")
    (entry,) = search(acme, target=membership.pk, action="organizations.membership.change_role")
    page = session_of(alice).get(f"/o/{acme.pk}/audit/{entry.pk}/").content.decode()
    for said in ("operator</del>", "viewer</ins>", "Alice", "alice@example.test", entry.mac, entry.previous):
        assert said in page


def test_an_entry_of_an_msps_person_names_both_identities(told: Organization, alice: User, msp: Organization) -> None:
    (entry,) = search(told, target="by-maria")
    page = session_of(alice).get(f"/o/{told.pk}/audit/{entry.pk}/").content.decode()
    for said in ("Maria", "maria@example.test", "Northwatch", msp.pk, entry.actor["grant"]):
        assert said in page


def test_an_entry_is_read_by_api_with_its_hash(told: Organization, alice: User) -> None:
    (entry,) = search(told, target="by-key")
    answer = session_of(alice).get(f"/api/v1/organizations/{told.pk}/audit/{entry.pk}").json()
    assert (answer["hash"], answer["previous"], answer["position"]) == (entry.mac, entry.previous, entry.position)
    assert answer["actor"] == json.loads(json.dumps(entry.actor))
    assert answer["words"] == "Thing make"


def test_an_entry_of_another_chain_is_not_found(told: Organization, msp: Organization, alice: User) -> None:
    theirs = search(msp)[0]
    assert session_of(alice).get(f"/o/{told.pk}/audit/{theirs.pk}/").status_code == 404


def test_an_msps_people_read_the_trail_as_far_as_their_grant_goes(told: Organization, maria: User, paula: User) -> None:
    assert session_of(maria).get(f"/o/{told.pk}/audit/").status_code == 403
    with all_rows():
        Grant.objects.filter(client=told).update(role_ceiling="admin")
    assert session_of(paula, working_in=told).get(f"/o/{told.pk}/audit/").status_code == 200
    assert Client().get(f"/o/{told.pk}/audit/").status_code == 302

"""A host name is claimed by a DNS record, belongs to one organization, and never to the portal's own names."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import Mail
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import tasks
from organizations.actions import hostnames
from organizations.domain_names import judging
from organizations.hostnames import serving
from organizations.models import Hostname, Organization, User
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import Zone, audited

NAME = "status.acme.example"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    serving.forget()


def claim(person: User, organization: Organization, name: str = NAME) -> Hostname:
    by = actor_for(person)
    with rls.acting_as(by.rls_actor):
        return hostnames.claim(by=by, organization=organization, name=name)


def prove(zone: Zone, person: User, organization: Organization, name: str = NAME) -> Hostname:
    claimed = claim(person, organization, name)
    zone.publish(claimed)
    return hostnames.check(by=actor_for(person), organization=organization, hostname_id=claimed.pk)


def look_again(hostname: Hostname, **changed: Any) -> Hostname:
    """What the clock does once it is due."""
    with all_rows():
        Hostname.objects.filter(pk=hostname.pk).update(next_look_at=timezone.now(), **changed)
    tasks.look_for_hostname(hostname.organization_id, hostname.pk)
    serving.forget()
    with all_rows():
        return Hostname.objects.get(pk=hostname.pk)


def test_it_is_served_once_its_record_is_found(
    alice: User, acme: Organization, zone: Zone, django_capture_on_commit_callbacks: Any
) -> None:
    claimed = claim(alice, acme)
    assert serving.owner_of(NAME) == ""
    zone.publish(claimed)
    with django_capture_on_commit_callbacks(execute=True):
        found = hostnames.check(by=actor_for(alice), organization=acme, hostname_id=claimed.pk)
    assert found.state == "proven"
    assert serving.owner_of(NAME) == acme.pk
    with rls.acting_as(f"user:{alice.pk}"):
        assert serving.address_for(acme.pk) == f"http://{NAME}"
    assert [entry.action for entry in audited(acme.pk)][-2:] == [
        "organizations.hostname.claim",
        "organizations.hostname.prove",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "garrison.example",
        "portal.garrison.example",
        "x.portal.garrison.example",
        "co.uk",
        "gmail.com",
        "acme",
        "10.0.0.1",
    ],
)
def test_the_platforms_names_and_what_nobody_owns_are_refused(
    alice: User, acme: Organization, settings: Any, name: str
) -> None:
    settings.BASE_URL = "https://portal.garrison.example"
    with pytest.raises(Invalid) as refused:
        claim(alice, acme, name)
    assert refused.value.field == "name"


def test_two_claim_it_and_only_the_one_whose_record_is_there_has_it(
    alice: User, mallory: User, acme: Organization, rival: Organization, zone: Zone
) -> None:
    prove(zone, alice, acme)
    theirs = claim(mallory, rival)
    zone.publish(theirs)
    with pytest.raises(Conflict) as refused:
        hostnames.check(by=actor_for(mallory), organization=rival, hostname_id=theirs.pk)
    assert refused.value.code == "HOSTNAME_TAKEN"
    assert serving.owner_of(NAME) == acme.pk
    look_again(theirs)
    assert serving.owner_of(NAME) == acme.pk


def test_a_record_that_is_gone_counts_for_a_week_and_then_nothing_is_served(
    alice: User, acme: Organization, zone: Zone
) -> None:
    """The attack: a name is sold on, and what is served there still bears the former owner's status."""
    proven = prove(zone, alice, acme)
    zone.records.clear()
    assert look_again(proven).state == "missing"
    assert serving.owner_of(NAME) == acme.pk
    gone = look_again(proven, missing_since=timezone.now() - judging.GRACE - dt.timedelta(minutes=1))
    assert (gone.state, serving.owner_of(NAME)) == ("withdrawn", "")
    with all_rows():
        told = list(Mail.objects.filter(to=alice.email).order_by("created_at").values_list("template", flat=True))
    assert told == ["hostname_missing", "hostname_withdrawn"]


def test_given_up_it_is_served_no_more(
    alice: User, acme: Organization, zone: Zone, django_capture_on_commit_callbacks: Any
) -> None:
    proven = prove(zone, alice, acme)
    assert serving.owner_of(NAME) == acme.pk
    by = actor_for(alice)
    with django_capture_on_commit_callbacks(execute=True), rls.acting_as(by.rls_actor):
        hostnames.give_up(by=by, organization=acme, hostname_id=proven.pk)
    assert serving.owner_of(NAME) == ""
    with rls.acting_as(f"org:{acme.pk}"):
        assert serving.address_for(acme.pk) == "http://testserver"


def test_another_process_hears_of_it_within_half_a_minute(
    alice: User, acme: Organization, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven = prove(zone, alice, acme)
    assert serving.owner_of(NAME) == acme.pk
    with all_rows():
        Hostname.objects.filter(pk=proven.pk).delete()
    assert serving.owner_of(NAME) == acme.pk
    later = serving.time.monotonic() + serving.REMEMBERED_SECONDS + 1
    monkeypatch.setattr(serving.time, "monotonic", lambda: later)
    assert serving.owner_of(NAME) == ""


def test_names_that_strangers_make_up_fill_no_memory(db: None) -> None:
    for number in range(serving.MOST_REMEMBERED + 20):
        serving._remember(f"x{number}.example", "", 0)
    assert len(serving._remembered) == serving.MOST_REMEMBERED


@pytest.mark.parametrize(
    "host", ["", "a b", "x" * 300, "status.acme.example:81", "-a.example", "status.acme.example.", "[::1]"]
)
def test_what_is_no_name_is_nobodys_and_asks_nobody(host: str) -> None:
    assert serving.owner_of(host) == ""


def test_only_who_manages_the_organization_claims_and_nobody_elses_is_found(
    alice: User, bob: User, mallory: User, acme: Organization, rival: Organization
) -> None:
    with pytest.raises(Forbidden):
        claim(bob, acme)
    mine = claim(alice, acme)
    with pytest.raises(NotFound):
        hostnames.check(by=actor_for(mallory), organization=rival, hostname_id=mine.pk)


def test_there_are_at_most_five_and_each_once(alice: User, acme: Organization) -> None:
    for number in range(hostnames.MOST):
        claim(alice, acme, f"s{number}.acme.example")
    for name, code in (("s0.acme.example", "ALREADY_CLAIMED"), ("s9.acme.example", "TOO_MANY")):
        with pytest.raises(Conflict) as refused:
            claim(alice, acme, name)
        assert refused.value.code == code


def test_the_clock_looks_for_what_is_due(alice: User, acme: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks, "wake", lambda task, *arguments, queue: woken.append((task.name, *arguments)))
    mine = claim(alice, acme)
    tasks.look_for_hostnames()
    assert woken == [("organizations.tasks.look_for_hostname", acme.pk, mine.pk)]


def test_the_page_claims_looks_and_gives_up(alice: User, acme: Organization, zone: Zone) -> None:
    browser, page = session_of(alice), f"/o/{acme.pk}/brand/hostname/"
    assert browser.post(page, {"name": "testserver"}).status_code == 422
    assert browser.post(page, {"name": NAME}).status_code == 302
    with all_rows():
        mine = Hostname.objects.get()
    shown = browser.get(page).content.decode()
    assert f"_portal-challenge.{NAME}" in shown
    assert mine.proof in shown
    zone.publish(mine)
    assert browser.post(f"{page}{mine.pk}/check/").status_code == 302
    assert f"http://{NAME}" in browser.get(page).content.decode()
    assert browser.post(f"{page}{mine.pk}/give-up/").status_code == 302
    with all_rows():
        assert not Hostname.objects.exists()

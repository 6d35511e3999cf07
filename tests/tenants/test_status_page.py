"""The platform's status page, what staff write on it, and who is told by mail."""

import datetime as dt
import re
from xml.etree import ElementTree

import pytest
from django.core import mail as django_mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry, Delivery, Mail
from controlplane.problems import Conflict, Forbidden, Invalid
from tenants.status import incidents, periods, subscriptions, telling
from tenants.status.models import Incident, IncidentUpdate, StatusSubscription
from tenants.status.probes import WELL
from tests.cast import actor_for
from tests.database import all_rows
from tests.tenants.conftest import deliver

pytestmark = pytest.mark.django_db

STAFF = Actor.system("manage.py status by ada")
OUTAGE = {"title": "Agents can't enroll", "text": "We look into it.", "affects": ["lo-enroll"]}


@pytest.fixture
def visitor():
    return Client(raise_request_exception=True)


@pytest.fixture
def outage(cell):
    return incidents.open_incident(by=STAFF, **OUTAGE)


def mails(to="ida@example.test"):
    deliver()
    found = [each for each in django_mail.outbox if each.to == [to]]
    django_mail.outbox.clear()
    return found


def link_in(mail):
    return re.search(r"\]\(http://testserver(/status/subscriptions/\S+/)\)", mail.body)[1]


@pytest.fixture
def subscribed(visitor):
    """Ida's address, confirmed; the path that ends it."""
    visitor.post("/status/subscribe/", {"email": "ida@example.test"})
    (asked,) = mails()
    visitor.post(link_in(asked), {"act": "confirm"})
    return link_in(asked)


def test_anybody_reads_the_status_without_signing_in_or_script_and_caches_may_keep_it(visitor, cell, outage):
    periods.note("portal", WELL, timezone.now())
    page = visitor.get("/status/")
    assert page.status_code == 200
    assert page["Cache-Control"] == "public, max-age=30"
    assert not page.cookies
    text = page.content.decode()
    assert "Agents can&#x27;t enroll" in text
    assert "90 days: up for 100 % of the time that is known; trouble on 0, no data on 89." in text
    assert "Edge, any place (lo): enrollment of agents" in text


def test_programs_read_the_same_as_json(visitor, outage):
    told = visitor.get("/status.json").json()
    (row,) = told["open"]
    assert (row["id"], row["stage"], row["updates"][0]["text"]) == (outage.pk, "investigating", "We look into it.")
    assert [each["id"] for each in told["groups"][0]["components"]] == ["portal", "sign-in", "api", "work"]
    assert len(told["groups"][0]["components"][0]["days"]) == 90


def test_the_feed_has_an_entry_for_each_thing_that_was_said(visitor, outage):
    incidents.update(by=STAFF, incident_id=outage.pk, state="resolved", text="Tokens are taken <again>.")
    answer = visitor.get("/status/feed.atom")
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    entries = ElementTree.fromstring(answer.content).findall("{http://www.w3.org/2005/Atom}entry")
    texts = [each.findtext("{http://www.w3.org/2005/Atom}content") for each in entries]
    assert texts == ["Tokens are taken <again>.", "We look into it."]
    assert len({each.findtext("{http://www.w3.org/2005/Atom}id") for each in entries}) == 2


def test_an_incident_has_a_page_of_its_own_with_all_that_was_said(visitor, outage):
    incidents.update(by=STAFF, incident_id=outage.pk, state="identified", text="A full disk.")
    text = visitor.get(f"/status/incidents/{outage.pk}/").content.decode()
    assert "A full disk." in text
    assert "We look into it." in text
    assert visitor.get("/status/incidents/inc_nothing/").status_code == 404


def test_nobody_but_the_operators_command_line_writes_incidents(alice, cell):
    with pytest.raises(Forbidden):
        incidents.open_incident(by=actor_for(alice), **OUTAGE)
    assert not Incident.objects.exists()


def test_an_incident_names_components_that_exist_and_goes_on_until_it_is_resolved(outage):
    with pytest.raises(Invalid) as refused:
        incidents.open_incident(by=STAFF, **{**OUTAGE, "affects": ["moon"]})
    assert refused.value.field == "affects"
    with pytest.raises(Invalid):
        incidents.update(by=STAFF, incident_id=outage.pk, state="scheduled", text="x")
    incidents.update(by=STAFF, incident_id=outage.pk, state="resolved", text="Over.")
    with pytest.raises(Conflict):
        incidents.update(by=STAFF, incident_id=outage.pk, state="monitoring", text="x")


def test_what_staff_say_is_in_the_platforms_trail(outage):
    incidents.update(by=STAFF, incident_id=outage.pk, state="resolved", text="Over.")
    with rls.acting_as(rls.PLATFORM):
        found = AuditEntry.objects.filter(target=outage.pk).order_by("position").values_list("action", flat=True)
        assert list(found) == ["tenants.incident.open", "tenants.incident.change"]


def test_maintenance_is_announced_before_it_begins_and_its_stage_follows_the_clock(cell, visitor):
    begins = timezone.now() + dt.timedelta(hours=2)
    times = {"begins_at": begins, "ends_at": begins + dt.timedelta(hours=1)}
    with pytest.raises(Invalid):
        incidents.schedule(by=STAFF, **OUTAGE, begins_at=timezone.now(), ends_at=begins)
    with pytest.raises(Invalid):
        incidents.schedule(by=STAFF, **OUTAGE, begins_at=begins, ends_at=begins)
    planned = incidents.schedule(by=STAFF, **OUTAGE, **times)
    stages = [incidents.stage_of(planned, begins + dt.timedelta(minutes=each)) for each in (-1, 1, 61)]
    assert stages == ["scheduled", "under way", "takes longer"]
    assert [each["id"] for each in visitor.get("/status.json").json()["ahead"]] == [planned.pk]


def test_the_command_writes_and_lists_and_refuses_with_the_reason(cell, capsys):
    call_command("status", "open", title="Slow pages", text="We look.", affects=["portal"])
    (made,) = Incident.objects.all()
    call_command("status", "update", made.pk, state="monitoring", text="Faster.")
    call_command("status", "list")
    assert f"{made.pk} monitoring: Slow pages" in capsys.readouterr().out
    with pytest.raises(CommandError, match="2026-12-01"):
        call_command("status", "schedule", title="Disks", text="New.", affects=["portal"], begins="soon", ends="later")


def test_an_address_is_told_only_once_it_has_confirmed_by_a_button(visitor, cell):
    assert visitor.post("/status/subscribe/", {"email": "ida@example.test"}).status_code == 200
    (asked,) = mails()
    assert "List-Unsubscribe" not in asked.message()
    visitor.get(link_in(asked))
    incidents.open_incident(by=STAFF, **OUTAGE)
    assert mails() == []
    visitor.post(link_in(asked), {"act": "confirm"})
    incidents.open_incident(by=STAFF, **OUTAGE)
    (told,) = mails()
    assert told.subject == "Incident, investigating: Agents can't enroll"
    assert "Affects Edge, any place (lo): enrollment of agents." in told.body


def test_nobody_learns_whether_an_address_is_told_already(visitor, subscribed, cell):
    known = visitor.post("/status/subscribe/", {"email": "IDA@example.test"})
    (again,) = mails("ida@example.test")
    assert again.subject == "You are told of the status of Garrison already"
    other = visitor.post("/status/subscribe/", {"email": "new@example.test"})
    plain = [re.sub(r"IDA@example.test|new@example.test", "…", each.content.decode()) for each in (known, other)]
    assert _constant(plain[0]) == _constant(plain[1])
    with all_rows():
        assert StatusSubscription.objects.count() == 2


def _constant(text):
    return re.sub(r'data-now="[^"]*"|csrfmiddlewaretoken" value="[^"]*"', "", text)


def test_mail_programs_end_it_by_one_post_without_a_page_of_ours(subscribed, outage):
    (told,) = mails()
    address = told.message()["List-Unsubscribe"].strip("<>")
    assert told.message()["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    program = Client(enforce_csrf_checks=True)
    answer = program.post(address.removeprefix("http://testserver"), {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    with all_rows():
        assert not StatusSubscription.objects.exists()
    assert program.post(address.removeprefix("http://testserver"), {}).status_code == 404


def test_whoever_opens_the_address_of_mail_programs_is_led_to_the_page(visitor, subscribed):
    answer = visitor.get(f"{subscribed}one-click/")
    assert (answer.status_code, answer["Location"]) == (302, subscribed)


def test_a_post_that_says_nothing_changes_nothing(visitor, subscribed):
    assert visitor.post(subscribed, {}).status_code == 400
    with all_rows():
        assert StatusSubscription.objects.filter(confirmed_at__isnull=False).exists()


def test_a_link_with_another_secret_opens_nothing_and_is_not_told_to_search_engines(visitor, subscribed):
    page = visitor.get(subscribed)
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert page["Referrer-Policy"] == "same-origin"
    forged = re.sub(r"/[^/]+/$", f"/{'A' * 22}/", subscribed)
    assert visitor.get(forged).status_code == 404
    assert visitor.post(forged, {"act": "end"}).status_code == 404


def test_a_fact_that_is_delivered_again_mails_nobody_again(subscribed, outage):
    assert len(mails()) == 1
    with all_rows():
        Delivery.objects.filter(message__topic=incidents.TOLD).update(delivered_at=None, next_attempt_at=timezone.now())
    deliver()
    with all_rows():
        written = Mail.objects.filter(template="status_incident").count()
    assert written == 1


def test_a_worker_that_dies_over_a_page_has_written_none_of_its_mails(subscribed, cell, monkeypatch):
    real = telling.mail.write

    def dies(**given):
        real(**given)
        raise RuntimeError("the worker was killed")

    monkeypatch.setattr(telling.mail, "write", dies)
    incidents.open_incident(by=STAFF, **OUTAGE)
    assert mails() == []
    monkeypatch.setattr(telling.mail, "write", real)
    assert len(mails()) == 1


def test_many_are_told_page_by_page_once_each(cell, monkeypatch):
    monkeypatch.setattr(telling, "PAGE", 3)
    about = subscriptions.of_platform()
    addresses = [f"reader{number}@example.test" for number in range(7)]
    for address in addresses:
        subscriptions.ask(email=address, about=about)
    with all_rows():
        StatusSubscription.objects.update(confirmed_at=timezone.now())
    deliver()
    django_mail.outbox.clear()
    incidents.open_incident(by=STAFF, **OUTAGE)
    deliver()
    deliver()
    assert sorted(each.to[0] for each in django_mail.outbox) == addresses


def test_addresses_that_do_not_confirm_in_time_are_forgotten(visitor, subscribed):
    visitor.post("/status/subscribe/", {"email": "late@example.test"})
    subscriptions.forget(timezone.now() + dt.timedelta(days=3))
    with all_rows():
        assert [each.email for each in StatusSubscription.objects.all()] == ["ida@example.test"]


def test_who_is_asked_again_has_the_whole_time_again_and_the_mail_says_how_long_that_is(visitor, cell, monkeypatch):
    monkeypatch.setattr(subscriptions, "CONFIRMED_WITHIN", dt.timedelta(hours=30))
    visitor.post("/status/subscribe/", {"email": "ida@example.test"})
    with all_rows():
        StatusSubscription.objects.update(created_at=timezone.now() - dt.timedelta(hours=29))
    answer = visitor.post("/status/subscribe/", {"email": "ida@example.test"})
    assert "within 30 hours" in answer.content.decode()
    subscriptions.forget(timezone.now() + dt.timedelta(hours=29))
    first, again = mails()
    assert "for 30 hours" in first.body
    visitor.post(link_in(again), {"act": "confirm"})
    with all_rows():
        assert StatusSubscription.objects.get().confirmed_at


def test_mails_that_strangers_cause_are_bounded(visitor):
    for _ in range(5):
        assert visitor.post("/status/subscribe/", {"email": "ida@example.test"}).status_code == 200
    assert visitor.post("/status/subscribe/", {"email": "ida@example.test"}).status_code == 429
    assert visitor.post("/status/subscribe/", {"email": "no address"}).status_code == 422


def test_what_was_said_is_kept_in_its_order(outage):
    incidents.update(by=STAFF, incident_id=outage.pk, state="identified", text="A full disk.")
    assert [each.text for each in IncidentUpdate.objects.filter(incident=outage)] == [
        "A full disk.",
        "We look into it.",
    ]

"""Destinations and routes: made, tried, removed, and what is kept of what they were told."""

import datetime as dt

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid
from fleet.routing import actions, retention
from fleet.routing.models import Destination, Notice, Route
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts, beat
from tests.fleet.alerts.test_inbox import handle
from tests.fleet.routing.conftest import notices, send_due
from tests.tenants.conftest import deliver

pytestmark = pytest.mark.django_db


def add(person, organization, **given) -> Destination:
    by = actor_for(person)
    with rls.acting_as(by.rls_actor):
        return actions.add_destination(by=by, organization=organization, **{"settings": {}, **given})


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "email", "settings": {"to": "stranger@elsewhere.example"}}, "to"),
        ({"kind": "email", "settings": {"to": "no address"}}, "to"),
        ({"kind": "slack", "secret": "http://hooks.example/x"}, "secret"),
        ({"kind": "slack", "secret": "https://user:pw@hooks.example/x"}, "secret"),
        ({"kind": "slack"}, "secret"),
        ({"kind": "pagerduty", "settings": {"region": "moon"}, "secret": "x"}, "region"),
        ({"kind": "webhook", "settings": {"url": "https://a.example"}, "secret": "short"}, "secret"),
        ({"kind": "webhook", "settings": {"url": "file:///etc/passwd"}, "secret": "x" * 20}, "url"),
        ({"kind": "jira", "settings": {"url": "https://a.example"}, "secret": "x"}, "project"),
        ({"kind": "slack", "secret": "https://hooks.example/x", "name": " "}, "name"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(acme, alice, given, field):
    with pytest.raises(Invalid) as refused:
        add(alice, acme, **{"name": "Chat", **given})
    assert [error.field for error in refused.value.errors] == [field]


def test_an_address_inside_our_network_is_called_by_nobody(office, bring, acme, alice, tell_to, monkeypatch):
    import socket

    tell_to(alice, acme)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.7", 443))])
    bring(office)
    send_due()
    assert notices()[0].last_error == "The destination's address points into a private network."


def test_a_secret_is_shown_nowhere_and_stored_encrypted(office, bring, acme, alice, tell_to, outside, program_of):
    from django.db import connection

    destination = tell_to(alice, acme, "webhook")
    outside.answers = [404]
    bring(office)
    send_due()
    api = program_of(alice, acme)
    pages = [session_of(alice).get(f"/o/{acme.pk}/alerts/routing/").content.decode()]
    for path in ("alert-destinations", f"alert-destinations/{destination.pk}", "alert-notices", "alert-routes"):
        pages.append(api.get(f"organizations/{acme.pk}/{path}").content.decode())
    assert not [page for page in pages if "sixteen-or-more-hush" in page]
    with all_rows(), connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM fleet_destination")
        assert "hush" not in cursor.fetchone()[0]
        assert not AuditEntry.objects.filter(data__icontains="hush").exists()


def test_a_removed_destination_forgets_its_secret_and_is_told_nothing(office, bring, acme, alice, tell_to, outside):
    destination = tell_to(alice, acme)
    bring(office)
    by = actor_for(alice)
    deliver()
    with rls.acting_as(by.rls_actor):
        actions.remove_destination(by=by, destination=destination)
    send_due()
    bring(office, rule="other")
    send_due()
    assert outside.posted == []
    assert [(notice.state, notice.last_error) for notice in notices()] == [("failed", "The destination was removed.")]
    with all_rows():
        assert Destination.objects.get().secret == ""


def test_a_test_is_sent_and_logged(acme, alice, tell_to, outside):
    destination = tell_to(alice, acme)
    page = session_of(alice)
    assert page.post(f"/o/{acme.pk}/alerts/routing/destinations/{destination.pk}/test/").status_code == 302
    send_due()
    assert [(notice.what, notice.state) for notice in notices()] == [("test", "sent")]
    assert outside.posted[0][1]["text"] == "A test of alerts from Acme"


def test_on_pages_a_destination_and_a_route_are_made_and_removed(acme, alice):
    page, path = session_of(alice), f"/o/{acme.pk}/alerts/routing/"
    given = {"name": "Night pager", "region": "us", "secret": "R0UT1NGKEY"}
    assert page.post(f"{path}destinations/new/pagerduty/", given).status_code == 302
    assert page.post(f"{path}destinations/new/pagerduty/", given).status_code == 422
    assert page.get(f"{path}destinations/new/fax/").status_code == 404
    with all_rows():
        made = Destination.objects.get()
    assert page.post(f"{path}routes/", {"destination": made.pk, "severity": "high"}).status_code == 302
    assert page.post(f"{path}routes/", {"destination": made.pk, "severity": "odd"}).status_code == 422
    text = page.get(path).content.decode()
    assert "Night pager" in text
    assert "R0UT1NGKEY" not in text
    shown = page.get(path).context
    assert [row["name"] for row in shown["destinations"]] == ["Night pager"]
    assert [(row["destination"], row["severity"]) for row in shown["routes"]] == [("Night pager", "High")]
    assert page.post(f"{path}destinations/{made.pk}/remove/").status_code == 302
    shown = page.get(path).context
    assert (shown["destinations"], shown["routes"]) == ([], [])
    with all_rows():
        assert not Route.objects.exists()
    assert list(shown["form"].fields["destination"].choices) == []


def test_by_api_it_is_the_same(acme, alice, program_of, outside):
    api = program_of(alice, acme)
    base = f"organizations/{acme.pk}"
    given = {"kind": "slack", "name": "Chat", "secret": "https://hooks.example/x"}
    made = api.post(f"{base}/alert-destinations", given)
    assert made.status_code == 201, made.content
    destination = made.json()["id"]
    assert api.post(f"{base}/alert-destinations/{destination}/test").status_code == 202
    route = api.post(f"{base}/alert-routes", {"destination": destination, "severity": "high", "kinds": ["disk"]})
    assert (route.status_code, route.json()["kinds"]) == (201, ["disk"])
    send_due()
    assert [each["state"] for each in api.get(f"{base}/alert-notices").json()["results"]] == ["sent"]
    assert api.send("DELETE", f"{base}/alert-routes/{route.json()['id']}").status_code == 204
    assert api.send("DELETE", f"{base}/alert-destinations/{destination}").status_code == 204
    assert api.get(f"{base}/alert-destinations/{destination}").status_code == 404


def test_an_operator_routes_nothing(acme, bob):
    with pytest.raises(Forbidden):
        add(bob, acme, kind="slack", name="Chat", secret="https://hooks.example/x")
    assert session_of(bob).get(f"/o/{acme.pk}/alerts/routing/").status_code == 403


def test_a_name_is_given_once(acme, alice):
    add(alice, acme, kind="slack", name="Chat", secret="https://hooks.example/x")
    with pytest.raises(Conflict):
        add(alice, acme, kind="slack", name="Chat", secret="https://hooks.example/y")


def test_old_notices_leave_the_log(acme, alice, tell_to, outside):
    destination, by = tell_to(alice, acme), actor_for(alice)
    with rls.acting_as(by.rls_actor):
        for _ in range(2):
            actions.try_destination(by=by, destination=destination)
    send_due()
    with all_rows():
        old = Notice.objects.first()
        Notice.objects.filter(pk=old.pk).update(created_at=timezone.now() - retention.KEPT - dt.timedelta(days=1))
    beat("forget-notices")
    assert len(notices()) == 1


def test_what_was_told_of_an_alert_is_kept_until_that_is_closed(office, bring, acme, alice, tell_to, outside):
    """Else it would be told twice, and nobody of its end."""
    tell_to(alice, acme)
    bring(office)
    send_due()
    with all_rows():
        Notice.objects.update(created_at=timezone.now() - retention.KEPT - dt.timedelta(days=1))
    beat("forget-notices")
    assert len(notices()) == 1
    handle(alice, acme, alerts(), "close")
    beat("forget-notices")
    assert notices() == []

"""Notices on their way: tried again, given up, sent again; each kind of destination in its own form."""

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.celery import app
from controlplane.models import AuditEntry, Mail
from controlplane.problems import Conflict, Forbidden, Invalid
from fleet.routing import actions, retention, sending, tasks
from fleet.routing.models import Destination, Notice, Route
from fleet.routing.senders import slack, teams
from organizations.models import Domain, Membership
from organizations.sso import outgoing
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts, beat
from tests.fleet.alerts.test_inbox import handle
from tests.fleet.routing.conftest import notices, send_due
from tests.tenants.conftest import deliver

pytestmark = pytest.mark.django_db


def later() -> None:
    """As if the pause after a failure were over."""
    with all_rows():
        Notice.objects.filter(state="waiting").update(next_attempt_at=timezone.now() - dt.timedelta(seconds=1))


def add(person, organization, **given) -> Destination:
    by = actor_for(person)
    with rls.acting_as(by.rls_actor):
        return actions.add_destination(by=by, organization=organization, **{"settings": {}, **given})


def test_what_is_refused_for_the_moment_is_tried_again_and_taken(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    outside.answers = [503, outgoing.OutgoingRefused("The destination's address did not answer (ConnectTimeout)."), 200]
    bring(office)
    for state in ("waiting", "waiting", "sent"):
        send_due()
        assert notices()[0].state == state
        later()
    assert (notices()[0].attempts, notices()[0].last_error) == (3, "")
    assert len(outside.posted) == 3


def test_what_is_refused_for_good_is_given_up_at_once_and_can_be_sent_again(
    office, bring, acme, alice, tell_to, outside
):
    tell_to(alice, acme)
    outside.answers = [404]
    bring(office)
    send_due()
    (notice,) = notices()
    assert (notice.state, notice.last_error, notice.next_attempt_at) == ("failed", "It answered 404.", None)
    page = session_of(alice)
    assert "It answered 404." in page.get(f"/o/{acme.pk}/alerts/routing/").content.decode()
    assert page.post(f"/o/{acme.pk}/alerts/routing/notices/{notice.pk}/replay/").status_code == 302
    send_due()
    assert notices()[0].state == "sent"
    assert page.post(f"/o/{acme.pk}/alerts/routing/notices/{notice.pk}/replay/").status_code == 409


def test_after_many_attempts_it_is_given_up(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    outside.answers = [500] * 20
    bring(office)
    for _ in range(len(sending.PAUSES) + 3):
        send_due()
        later()
    assert (notices()[0].state, len(outside.posted)) == ("failed", len(sending.PAUSES) + 1)


def test_a_worker_that_dies_loses_nothing(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    bring(office)
    outside.answers = [SystemExit()]
    with pytest.raises(SystemExit):
        send_due()
    (notice,) = notices()
    assert (notice.state, notice.attempts, sending.due()) == ("waiting", 1, [])
    later()
    send_due()
    assert [(each.state, each.attempts) for each in notices()] == [("sent", 2)]
    assert len(outside.posted) == 2


def test_a_lost_wake_up_is_made_up_for_by_the_sweep(office, bring, acme, alice, tell_to, outside, monkeypatch):
    woken = []
    monkeypatch.setattr(tasks, "wake", lambda task, *args, queue: woken.append((task.name, args)))
    tell_to(alice, acme)
    bring(office)
    deliver()
    (notice,) = notices()
    beat("sweep-notices")
    assert woken == [("fleet.tasks.send_notice", (acme.pk, notice.pk))]
    app.tasks[woken[0][0]](*woken[0][1])
    assert notices()[0].state == "sent"
    beat("sweep-notices")
    assert len(woken) == 1


def test_one_that_was_claimed_is_not_sent_twice(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    bring(office)
    send_due()
    (notice,) = notices()
    sending.send(notice.organization_id, notice.pk)
    assert len(outside.posted) == 1


def test_an_end_is_given_up_with_its_beginning(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    outside.answers = [500, 400]
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "close")
    for _ in range(3):
        send_due()
        later()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger", "trigger"]
    assert [(each.what, each.state, each.last_error) for each in notices()] == [
        ("raised", "failed", "It answered 400."),
        ("closed", "failed", "It was not told that this was raised."),
    ]


def test_what_is_closed_by_now_is_not_told_to_be_raised_again(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    outside.answers = [400]
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "close")
    (notice,), by = notices(), actor_for(alice)
    with rls.acting_as(by.rls_actor), pytest.raises(Conflict, match="not open any more"):
        actions.replay(by=by, notice=notice)
    send_due()
    assert (notices()[0].state, len(outside.posted)) == ("failed", 1)


def test_an_end_waits_for_its_beginning(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    outside.answers = [500]
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "close")
    send_due()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger"]
    for _ in range(2):
        later()
        send_due()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger", "trigger", "resolve"]


def test_slack_gets_blocks_that_name_the_alert_and_link_to_it(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    bring(office, title="Odd <!channel> & <https://evil.example|click>")
    send_due()
    ((url, body, _),) = outside.posted
    assert url == "https://hooks.slack.example/services/T/B/hush"
    assert body["text"] == "Odd &lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;"
    assert body["blocks"][0]["text"]["type"] == "plain_text"
    assert {field["text"].split("\n")[0] for field in body["blocks"][1]["fields"]} >= {"*Severity*", "*Client*"}
    assert f"/o/{acme.pk}/alerts/{alerts()[0].pk}/|" in body["blocks"][2]["text"]["text"]
    assert slack.escaped("<a>") == "&lt;a&gt;"


def test_teams_gets_an_adaptive_card(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "teams")
    bring(office, title="Odd [click](https://evil.example)")
    send_due()
    ((_, body, _),) = outside.posted
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["body"][0]["text"] == r"Odd \[click\]\(https://evil.example\)"
    assert attachment["content"]["actions"][0]["url"].endswith(f"/alerts/{alerts()[0].pk}/")
    assert teams.plain("a*b") == r"a\*b"


def test_pagerduty_gets_an_event_with_the_alerts_own_key(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    bring(office, level=15)
    send_due()
    ((url, body, _),) = outside.posted
    assert url == "https://events.eu.pagerduty.com/v2/enqueue"
    assert (body["routing_key"], body["event_action"]) == ("R0UT1NGKEY", "trigger")
    assert body["dedup_key"] == f"garrison-{alerts()[0].pk}"
    assert (body["payload"]["severity"], body["payload"]["source"]) == ("critical", "web-001")


def test_a_webhook_is_signed_and_keeps_its_id_when_tried_again(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "webhook")
    outside.answers = [500]
    bring(office)
    send_due()
    later()
    send_due()
    (_, first, headers), (_, second, again) = outside.posted
    assert first == second
    assert headers["webhook-id"] == again["webhook-id"] == notices()[0].pk
    signed = f"{again['webhook-id']}.{again['webhook-timestamp']}.".encode() + outside.bodies[1]
    expected = base64.b64encode(hmac.new(b"sixteen-or-more-hush", signed, hashlib.sha256).digest()).decode()
    assert again["webhook-signature"] == f"v1,{expected}"
    assert (second["type"], second["data"]["title"]) == ("alert.raised", alerts()[0].title)


def test_jira_gets_one_issue(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "jira")
    bring(office, level=12)
    send_due()
    ((url, body, headers),) = outside.posted
    assert url == "https://acme.atlassian.example/rest/api/3/issue"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"bot@example.test:token-hush").decode()
    assert (body["fields"]["project"], body["fields"]["issuetype"]) == ({"key": "OPS"}, {"name": "Task"})
    assert body["fields"]["description"]["content"][-1]["content"][0]["marks"][0]["type"] == "link"


def test_mail_goes_to_a_member_by_the_portals_own_way(office, bring, acme, alice, tell_to):
    tell_to(alice, acme, "email")
    bring(office, title="Odd: evil.example", level=12)
    send_due()
    with all_rows():
        mail = Mail.objects.get(template="alert_notice")
    text = json.loads(mail.content)["text"]
    assert mail.to == alice.email
    assert notices()[0].state == "sent"
    assert "evil.\u2060example" in text
    assert "evil.example" not in text


def test_mail_goes_to_nobody_who_has_left_since(office, bring, acme, alice, bob, tell_to):
    tell_to(bob, acme, "email", by=alice)
    with all_rows():
        Membership.objects.get(organization=acme, user=bob).delete()
    bring(office)
    send_due()
    (notice,) = notices()
    assert (notice.state, notice.last_error) == ("failed", sending.NOT_OURS)
    with all_rows():
        assert not Mail.objects.filter(template="alert_notice").exists()


def test_mail_goes_into_a_domain_as_long_as_it_is_proven(office, bring, acme, alice, tell_to):
    destination = tell_to(alice, acme, "email")
    with all_rows():
        Destination.objects.filter(pk=destination.pk).update(settings={"to": "soc@acme.example"})
        domain = Domain.objects.create(organization=acme, name="acme.example", state=Domain.State.PROVEN)
    bring(office)
    send_due()
    with all_rows():
        domain.delete()
    bring(office, rule="other")
    send_due()
    assert [notice.state for notice in notices()] == ["sent", "failed"]


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

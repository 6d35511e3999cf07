"""What each kind of destination gets, in its own form."""

import base64
import hashlib
import hmac
import json

import pytest

from controlplane.models import Mail
from fleet.routing import sending
from fleet.routing.models import Destination
from fleet.routing.senders import slack, teams
from organizations.models import Domain, Membership
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts
from tests.fleet.routing.conftest import later, notices, send_due

pytestmark = pytest.mark.django_db


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

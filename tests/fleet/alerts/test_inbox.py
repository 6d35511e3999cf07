"""The inbox: what whom is shown of it, how it is narrowed, and what people do with alerts."""

import json
import re
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid
from fleet.alerts import actions, queries
from fleet.alerts.dashboard import path_of
from fleet.alerts.models import Alert, AlertEntry
from organizations.models import ClientRole, Membership
from tests.cast import actor_for, found_client, session_of
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts

pytestmark = pytest.mark.django_db


def handle(person, organization, chosen, act, **more: Any) -> actions.Handled:
    by = actor_for(person)
    with rls.acting_as(by.rls_actor):
        return actions.handle(
            by=by, organization=organization, alert_ids=[alert.pk for alert in chosen], act=act, **more
        )


def shown(person, organization, query: str = "") -> list[str]:
    """Rules of the alerts on the page, in its order."""
    answer = session_of(person).get(f"/o/{organization.pk}/alerts/{query}")
    assert answer.status_code == 200, answer.content.decode()[:500]
    return [row["rule_id"] for row in answer.context["alerts"]]


@pytest.fixture
def three(office, bolt, alice, give_tenant, bring):
    """Two alerts of Acme's Office, one of Bolt's Depot; Depot's came last."""
    depot = give_tenant(bolt, alice, "Depot")
    bring(office, rule="1", level=7, agent="001")
    bring(office, rule="2", level=15, agent="002")
    bring(depot, rule="3", level=12, agent="001")
    return sorted(alerts(), key=lambda alert: alert.rule_id)


def test_an_msp_sees_alerts_of_all_clients_and_a_client_its_own(three, msp, acme, bolt, maria, vera):
    assert sorted(shown(maria, msp)) == ["1", "2", "3"]
    assert sorted(shown(vera, acme)) == ["1", "2"]


def test_an_outsider_finds_neither_the_inbox_nor_an_alert(three, acme, rival, mallory):
    outside = session_of(mallory)
    for path in ("", f"{three[0].pk}/", f"{three[0].pk}/digests/"):
        assert outside.get(f"/o/{acme.pk}/alerts/{path}").status_code == 404
        assert outside.get(f"/o/{rival.pk}/alerts/{path}").status_code == (404 if path else 200)
    assert shown(mallory, rival) == []


def test_whoever_looks_after_some_clients_sees_those(three, msp, acme, maria, paula):
    with all_rows():
        membership = Membership.objects.get(organization=msp, user=maria)
        ClientRole.objects.create(
            organization=msp, membership=membership, role="operator", reach=ClientRole.Reach.ONLY, clients=[acme.pk]
        )
    assert sorted(shown(maria, msp)) == ["1", "2"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?severity=critical", ["2"]),
        ("?severity=high", ["3"]),
        ("?state=open", ["3", "2", "1"]),
        ("?state=closed", []),
        ("?state=all", ["3", "2", "1"]),
        ("?kind=rule", ["3", "2", "1"]),
        ("?client=bolt", ["3"]),
        ("?tenant=Office", ["2", "1"]),
        ("?technique=T1110", ["3", "2", "1"]),
        ("?technique=T11", ["3", "2", "1"]),
        ("?technique=1110", []),
        ("?tactic=credential+access", ["3", "2", "1"]),
        ("?tactic=Impact", []),
        ("?agent=web-002", ["2"]),
        ("?agent=001", ["3", "1"]),
        ("?text=brute", ["3", "2", "1"]),
        ("?text=2", ["2"]),
        ("?assignee=me", []),
        ("?assignee=nobody", ["3", "2", "1"]),
        ("?suppressed=only", []),
        ("?severity=high&client=acme", []),
    ],
)
def test_filters_in_the_address_narrow_it(three, msp, maria, query, found):
    assert sorted(shown(maria, msp, query)) == sorted(found)


@pytest.mark.parametrize("query", ["?state=x", "?severity=low", "?text=" + "x" * 200, "?suppressed=1"])
def test_a_filter_that_can_not_be_is_said_at_its_field(msp, maria, query):
    answer = session_of(maria).get(f"/o/{msp.pk}/alerts/{query}")
    assert answer.status_code == 422
    assert answer.context["alerts"] == []


def test_it_goes_by_when_an_alert_came_last_page_by_page(office, bring, acme, alice):
    for number in range(60):
        bring(office, rule=str(number), ago=600 - number)
    bring(office, rule="5", ago=1)
    page = session_of(alice)
    first = page.get(f"/o/{acme.pk}/alerts/")
    assert [row["rule_id"] for row in first.context["alerts"]][:2] == ["5", "59"]
    second = page.get(f"/o/{acme.pk}/alerts/{first.context['page']['older']}")
    both = [row["rule_id"] for answer in (first, second) for row in answer.context["alerts"]]
    assert sorted(both, key=int) == [str(number) for number in range(60)]
    assert page.get(f"/o/{acme.pk}/alerts/{second.context['page']['newer']}").context["alerts"][0]["rule_id"] == "5"


def test_alerts_of_several_clients_are_handled_at_once_and_each_trail_tells_it(three, msp, acme, bolt, maria):
    handled = handle(maria, msp, three, "acknowledge", note="Looking")
    assert (len(handled.changed), list(handled.refused)) == (3, [])
    assert {alert.state for alert in alerts()} == {"acknowledged"}
    for organization, count in ((acme, 2), (bolt, 1)):
        with rls.acting_as(f"org:{organization.pk}"):
            (entry,) = AuditEntry.objects.filter(organization_id=organization.pk, action="fleet.alert.acknowledge")
            (_, *_) = entries = AlertEntry.objects.filter(organization=organization)
        assert (entry.data["count"], entry.actor["user"]) == (count, maria.pk)
        assert entry.actor["grant"]
        assert {(each.what, each.by, each.text) for each in entries} == {("acknowledge", maria.pk, "Looking")}


def test_alerts_of_several_clients_are_reopened_at_once(three, msp, maria):
    handle(maria, msp, three, "close")
    assert {alert.state for alert in handle(maria, msp, three, "reopen").changed} == {"open"}


def test_each_takes_or_refuses_it_by_itself(three, msp, maria):
    handle(maria, msp, three[:1], "close")
    handled = handle(maria, msp, three, "acknowledge")
    assert {alert.rule_id for alert in handled.changed} == {"2", "3"}
    assert [refusal.problem.detail for refusal in handled.refused] == ["It is closed already."]
    with pytest.raises(Conflict):
        handle(maria, msp, three[:1], "close")


@pytest.mark.parametrize(
    ("before", "act", "after"),
    [
        ((), "acknowledge", "acknowledged"),
        ((), "close", "closed"),
        (("acknowledge",), "close", "closed"),
        (("close",), "reopen", "open"),
        ((), "reopen", None),
        (("acknowledge",), "acknowledge", None),
        (("close",), "acknowledge", None),
    ],
)
def test_states_follow_one_another(three, acme, alice, before, act, after):
    one = three[:1]
    for deed in before:
        handle(alice, acme, one, deed)
    if after is None:
        with pytest.raises(Conflict):
            handle(alice, acme, one, act)
        return
    (changed,) = handle(alice, acme, one, act).changed
    assert changed.state == after


def test_many_are_locked_by_one_question_in_one_order(three, msp, maria):
    """The attack on a busy inbox: two people handle the same alerts in other orders, and wait for each other."""
    with CaptureQueriesContext(connection) as said:
        handle(maria, msp, [three[2], three[0], three[1]], "close")
    reads = [each["sql"] for each in said if each["sql"].startswith("SELECT") and 'FROM "fleet_alert"' in each["sql"]]
    (held,) = reads
    assert 'ORDER BY "fleet_alert"."id" ASC' in held
    assert ("FOR UPDATE" in held) == (connection.vendor == "postgresql")


def test_what_came_again_since_it_was_closed_is_not_reopened(office, bring, acme, alice):
    bring(office)
    (first,) = alerts()
    handle(alice, acme, [first], "close")
    bring(office)
    with pytest.raises(Conflict, match="come again"):
        handle(alice, acme, [first], "reopen")


def test_an_alert_is_assigned_to_a_member_and_to_nobody_again(three, acme, alice, bob, mallory):
    handle(alice, acme, three[:1], "assign", assignee=bob.pk)
    assert shown(bob, acme, "?assignee=me") == ["1"]
    with pytest.raises(Invalid):
        handle(alice, acme, three[:1], "assign", assignee=mallory.pk)
    handle(alice, acme, three[:1], "assign")
    assert shown(bob, acme, "?assignee=me") == []


def test_a_viewer_reads_and_handles_nothing(three, acme, vera):
    with pytest.raises(Forbidden):
        handle(vera, acme, three, "close")
    page = session_of(vera).get(f"/o/{acme.pk}/alerts/{three[0].pk}/").content.decode()
    assert "brute force" in page
    assert "Add note" not in page
    assert "Suppress</button>" not in page


def test_a_client_whose_grant_lets_the_msp_only_look_keeps_its_alerts(three, msp, paula, alice, bring, give_tenant):
    from organizations.actions import grants
    from organizations.models import Grant

    client = found_client(msp, paula, alice, "Careful")
    with rls.acting_as(f"user:{alice.pk}"):
        grants.limit_grant(by=actor_for(alice), grant=Grant.objects.get(client=client), role_ceiling="viewer")
    bring(give_tenant(client, alice, "Vault"), rule="9")
    (theirs,) = (alert for alert in alerts() if alert.rule_id == "9")
    assert "9" in shown(paula, msp)
    handled = handle(paula, msp, [*three, theirs], "close")
    assert [refusal.alert_id for refusal in handled.refused] == [theirs.pk]
    assert {alert.rule_id for alert in alerts() if alert.state != "closed"} == {"9"}


def test_what_is_not_there_is_refused_by_its_id(three, acme, alice):
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        ids = [three[0].pk, three[2].pk]
        handled = actions.handle(by=by, organization=acme, alert_ids=ids, act="close")
        assert [refusal.alert_id for refusal in handled.refused] == [three[2].pk]
        with pytest.raises(Invalid):
            actions.handle(by=by, organization=acme, alert_ids=[three[2].pk], act="close")


def test_the_buttons_of_the_list_do_it_and_lead_back_to_the_list_as_it_was(three, msp, maria):
    browser = session_of(maria)
    given = {"act": "close", "alerts": [alert.pk for alert in three[:2]], "search": "severity=medium&next=//evil"}
    answer = browser.post(f"/o/{msp.pk}/alerts/handle/", given)
    assert answer["Location"] == f"/o/{msp.pk}/alerts/?severity=medium"
    assert shown(maria, msp) == ["3"]


def test_a_note_stands_in_the_history_with_who_wrote_it(three, acme, alice, bob):
    path = f"/o/{acme.pk}/alerts/{three[0].pk}/"
    assert session_of(bob).post(f"{path}note/", {"text": "Known scanner <script>"}).status_code == 302
    page = session_of(alice).get(path).content.decode()
    assert "Known scanner &lt;script&gt;" in page
    assert "Bob</b> wrote" in page
    assert session_of(bob).post(f"{path}note/", {"text": " "}).status_code == 422


def test_what_lies_behind_is_read_from_the_stream_newest_first(office, bring, acme, alice):
    bring(office, title="first")
    bring(office, rule="other")
    bring(office, title="second")
    found = next(alert for alert in alerts() if alert.rule_id == "5763")
    answer = session_of(alice).get(f"/o/{acme.pk}/alerts/{found.pk}/digests/")
    assert [event["words"] for event in answer.context["events"]] == ["second", "first"]


def test_while_the_edge_is_away_what_lies_behind_is_partial_and_says_so(office, bring, acme, alice, edge):
    bring(office, times=2)
    edge.fail_next("/api/events", httpx.ConnectError("away"))
    page = session_of(alice).get(f"/o/{acme.pk}/alerts/{alerts()[0].pk}/digests/")
    assert page.status_code == 200
    assert "note-attention" in page.content.decode()


def test_what_left_the_log_is_counted(office, bring, acme, alice, edge):
    bring(office, times=3)
    edge.logs[office.pk][0]["kind"] = "heartbeat"
    page = session_of(alice).get(f"/o/{acme.pk}/alerts/{alerts()[0].pk}/digests/")
    assert len(page.context["events"]) == 2
    assert "1 of them left the event log by its age." in page.content.decode()


def test_the_dashboard_opens_at_the_very_alert(office, bring, edge, acme, alice):
    bring(office, rule="5763", agent="001")
    path = path_of(alerts()[0])
    assert path.startswith("/app/data-explorer/discover#?_a=")
    assert "rule.id:%225763%22%20and%20agent.id:%22001%22" in path
    answer = session_of(alice).post(f"/t/{office.pk}/dashboard/", {"path": path})
    assert answer.status_code == 200
    assert path.encode() in edge.requests[-1].content.replace(b"\\u0026", b"&")


def test_a_rules_name_can_not_break_out_of_the_dashboards_query(office, bring):
    name = """1" or *:*')!\\"""
    bring(office, rule=name, agent="001")
    (query,) = parse_qs(path_of(alerts()[0]).partition("?")[2])["_q"]
    text, behind = read_rison(query.removeprefix("(filters:!(),query:(language:kuery,query:"))
    assert behind == "))"
    terms = re.fullmatch(r'rule\.id:("(?:[^"\\]|\\.)*") and agent\.id:("(?:[^"\\]|\\.)*")', text)
    assert terms is not None, text
    assert [json.loads(term) for term in terms.groups()] == [name, "001"]


def read_rison(written: str) -> tuple[str, str]:
    """The text that begins here, as a reader of Rison takes it, and what stands behind it."""
    text, rest = "", iter(written.removeprefix("'"))
    for character in rest:
        if character == "'":
            break
        text += next(rest) if character == "!" else character
    return text, "".join(rest)


def test_by_api_it_is_the_same(three, msp, paula, program_of):
    api = program_of(paula, msp)
    listed = api.get(f"organizations/{msp.pk}/alerts?severity=critical").json()["results"]
    assert [(each["rule_id"], each["severity"], each["techniques"]) for each in listed] == [
        ("2", "critical", ["T1110"])
    ]
    one = f"organizations/{msp.pk}/alerts/{listed[0]['id']}"
    given = {"alerts": [listed[0]["id"]], "act": "acknowledge", "note": "On it"}
    handled = api.post(f"organizations/{msp.pk}/alerts/handle", given).json()
    assert [each["state"] for each in handled["changed"]] == ["acknowledged"]
    assert api.post(f"{one}/notes", {"text": "A scanner"}).status_code == 201
    assert [each["what"] for each in api.get(one).json()["history"]] == ["note", "acknowledge"]
    behind = api.get(f"{one}/events").json()
    assert [event["data"]["rule"]["id"] for event in behind["events"]] == ["2"]
    assert api.get(f"organizations/{msp.pk}/alerts?state=x").status_code == 400


def test_a_key_for_one_tenant_has_its_alerts_alone(three, office, acme, alice, give_tenant, bring, program_of):
    plant = give_tenant(acme, alice, "Plant")
    bring(plant, rule="7")
    api = program_of(alice, acme, scopes={"events.read", "alert.handle", "tenant.view"}, tenant_ids=[plant.pk])
    listed = api.get(f"organizations/{acme.pk}/alerts").json()["results"]
    assert [each["rule_id"] for each in listed] == ["7"]
    assert api.get(f"organizations/{acme.pk}/alerts/{three[0].pk}").status_code == 404


def test_who_alerts_can_be_assigned_to_are_its_members_who_come_in(three, acme, alice, bob, vera, maria):
    by = actor_for(alice)
    with all_rows():
        Membership.objects.filter(organization=acme, user=vera).update(blocked_at=timezone.now())
        names = set(Membership.objects.filter(organization=acme, blocked_at=None).values_list("user__name", flat=True))
    with rls.acting_as(by.rls_actor):
        found = [person.name for person in queries.assignees_of(by, acme)]
    assert found == sorted(names)
    assert {alice.name, bob.name} <= names
    assert not {vera.name, maria.name} & names
    for stranger in (vera, maria):
        with pytest.raises(Invalid) as refused:
            handle(alice, acme, three[:1], "assign", assignee=stranger.pk)
        assert [error.field for error in refused.value.errors] == ["assignee"]


def test_only_one_alert_of_a_kind_and_key_is_not_closed(office, bring):
    from django.db import IntegrityError, transaction

    bring(office)
    (one,) = alerts()
    one.pk = "alr_" + "a" * 20
    with all_rows(), pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.bulk_create([one])

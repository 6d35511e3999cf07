"""Who is told of which alert: once for each destination, however often it is counted."""

import pytest

from controlplane.models import Message
from controlplane.problems import Forbidden
from controlplane.rls import acting_as
from fleet.alerts import reading
from fleet.routing import actions, routing
from fleet.routing.models import Notice
from organizations.models import ClientRole, Membership
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts, mark
from tests.fleet.alerts.test_inbox import handle
from tests.fleet.alerts.test_suppressions import end, run_out, suppress
from tests.fleet.routing.conftest import notices, send_due

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str]]:
    return [(notice.what, notice.content["title"]) for notice in notices()]


def test_an_alert_is_told_once_however_often_it_is_counted(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    bring(office, title="first")
    send_due()
    bring(office, times=50)
    send_due()
    assert told() == [("raised", "first")]
    assert len(outside.posted) == 1


def test_it_is_told_of_from_the_severity_on_also_when_it_gets_graver_later(
    office, bring, acme, alice, tell_to, outside
):
    tell_to(alice, acme, severity="critical")
    bring(office, level=10)
    send_due()
    assert told() == []
    bring(office, level=15)
    bring(office, level=15)
    send_due()
    assert [what for what, _ in told()] == ["raised"]
    assert notices()[0].content["severity"] == "critical"


def test_an_msps_route_reaches_its_clients_and_names_them(
    office, bolt, bring, msp, paula, alice, give_tenant, tell_to, outside
):
    tell_to(paula, msp)
    bring(office)
    bring(give_tenant(bolt, alice, "Depot"))
    send_due()
    assert {(notice.organization_id, notice.content["client"]) for notice in notices()} == {
        (msp.pk, "Acme"),
        (msp.pk, "Bolt"),
    }
    assert all(f"/o/{msp.pk}/alerts/" in notice.content["link"] for notice in notices())


def test_only_what_was_named_is_told(office, bolt, bring, msp, paula, alice, acme, give_tenant, tell_to, outside):
    tell_to(paula, msp, clients=[acme.pk], kinds=["rule"])
    bring(give_tenant(bolt, alice, "Depot"))
    bring(office)
    send_due()
    assert [notice.content["client"] for notice in notices()] == ["Acme"]


def test_a_strangers_route_and_a_clients_own_reach_nobody_elses(
    office, bring, acme, rival, mallory, bolt, alice, tell_to, outside
):
    tell_to(mallory, rival)
    tell_to(alice, bolt)
    bring(office)
    send_due()
    assert notices() == []


def test_what_is_suppressed_is_not_told(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    suppress(alice, acme)
    bring(office)
    send_due()
    assert notices() == []


@pytest.mark.parametrize("way", ["ended", "by the clock", "counted again", "told graver"])
def test_what_is_shown_again_and_still_open_is_told_then(office, bring, acme, alice, tell_to, outside, way):
    tell_to(alice, acme)
    made = suppress(alice, acme)
    bring(office, title="hidden")
    bring(office, agent="002")
    handle(alice, acme, [alert for alert in alerts() if alert.agent_id == "002"], "close")
    send_due()
    assert notices() == []
    if way == "ended":
        end(alice, acme, made)
    else:
        run_out()
        if way == "by the clock":
            look_now(office)
        else:
            bring(office, title="hidden", level=15 if way == "told graver" else 10)
    send_due()
    assert told() == [("raised", "hidden")]


def test_what_another_suppression_hides_stays_untold(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    suppress(alice, acme, tenant=office)
    end(alice, acme, suppress(alice, acme))
    bring(office)
    look_now(office)
    send_due()
    assert notices() == []


def look_now(tenant) -> None:
    """As every quarter of an hour."""
    mark(tenant)
    reading.read(tenant.organization_id, tenant.pk)


def test_of_many_at_once_some_are_told_one_by_one_and_the_rest_as_one(office, edge, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    for number in range(routing.MOST_AT_ONCE + 30):
        edge.alert(office.pk, rule=str(number), level=15 if number == 45 else 7)
    look_now(office)
    send_due()
    assert len(outside.posted) == routing.MOST_AT_ONCE + 1
    assert sum(notice.what == Notice.What.MANY for notice in notices()) == 1
    assert "45" in {notice.content["rule"] for notice in notices() if notice.what == "raised"}
    many = next(notice for notice in notices() if notice.what == "many")
    assert many.content["title"] == "30 more alerts were raised at once"
    assert many.alert_id not in {notice.alert_id for notice in notices() if notice.what == "raised"}


def test_many_at_once_are_told_once_also_where_the_fact_is_delivered_twice(office, edge, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    for number in range(3 * routing.MOST_AT_ONCE):
        edge.alert(office.pk, rule=str(number))
    look_now(office)
    send_due()
    before = [(notice.pk, notice.what) for notice in notices()]
    assert len(before) == routing.MOST_AT_ONCE + 1
    deliver_again(acme, "fleet.alert.raised")
    assert [(notice.pk, notice.what) for notice in notices()] == before


def test_the_rest_of_a_later_burst_is_told_also_where_the_same_alert_would_lead_it(
    office, edge, acme, alice, tell_to, outside
):
    tell_to(alice, acme)
    for number in range(2 * routing.MOST_AT_ONCE):
        edge.alert(office.pk, rule=f"old-{number}", level=7)
    look_now(office)
    send_due()
    for number in range(2 * routing.MOST_AT_ONCE):
        edge.alert(office.pk, rule=f"old-{number}", level=12)
    for number in range(routing.MOST_AT_ONCE):
        edge.alert(office.pk, rule=f"new-{number}", level=15)
    look_now(office)
    send_due()
    many = [notice for notice in notices() if notice.what == "many"]
    assert [notice.content["title"] for notice in many] == ["20 more alerts were raised at once"] * 2
    deliver_again(acme, "fleet.alert.raised")
    assert sum(notice.what == "many" for notice in notices()) == 2


def test_those_told_before_leave_their_places_to_others(office, edge, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    for number in range(routing.MOST_AT_ONCE):
        edge.alert(office.pk, rule=f"old-{number}", level=10)
    look_now(office)
    send_due()
    for number in range(routing.MOST_AT_ONCE):
        edge.alert(office.pk, rule=f"old-{number}", level=15)
        edge.alert(office.pk, rule=f"new-{number}", level=7)
    look_now(office)
    send_due()
    assert [what for what, _ in told()] == ["raised"] * (2 * routing.MOST_AT_ONCE)


@pytest.mark.parametrize(
    ("kind", "whats"), [("pagerduty", ["raised", "acknowledged", "closed"]), ("slack", ["raised"])]
)
def test_what_becomes_of_it_is_told_where_that_is_of_use(office, bring, acme, alice, tell_to, outside, kind, whats):
    tell_to(alice, acme, kind)
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "acknowledge")
    send_due()
    handle(alice, acme, alerts(), "close")
    send_due()
    assert [what for what, _ in told()] == whats


def test_who_was_not_told_of_its_beginning_is_not_told_of_its_end(office, bring, acme, alice, tell_to, outside):
    bring(office)
    send_due()
    tell_to(alice, acme, "pagerduty")
    handle(alice, acme, alerts(), "close")
    send_due()
    assert notices() == []


def test_who_refused_to_hear_of_its_beginning_is_not_told_of_its_end(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme, "pagerduty")
    outside.answers = [400]
    bring(office)
    send_due()
    handle(alice, acme, alerts(), "acknowledge")
    send_due()
    handle(alice, acme, alerts(), "close")
    send_due()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger"]
    assert [(notice.what, notice.state) for notice in notices()] == [("raised", "failed")]


def test_a_cause_that_is_over_resolves_its_incident(office, edge, acme, alice, tell_to, outside):
    from tests.fleet.alerts.test_causes import view

    tell_to(alice, acme, "pagerduty")
    silent = [{"code": "MANAGER_SILENT", "message": "Nothing has come.", "hint": ""}]
    view(edge, office, attention=silent, agents={"enrolled": 2, "active": 0})
    send_due()
    view(edge, office, attention=[])
    send_due()
    assert [body["event_action"] for _, body, _ in outside.posted] == ["trigger", "resolve"]
    assert len({body["dedup_key"] for _, body, _ in outside.posted}) == 1


def test_whoever_looks_after_some_clients_routes_nothing(msp, acme, paula, tell_to):
    """Also for those clients alone: their route would go on telling once they look after others."""
    sam = person("sam")
    join(msp, invited_by=paula, user=sam, role="admin")
    with all_rows():
        membership = Membership.objects.get(organization=msp, user=sam)
        ClientRole.objects.create(
            organization=msp, membership=membership, role="admin", reach=ClientRole.Reach.ONLY, clients=[acme.pk]
        )
    with pytest.raises(Forbidden):
        tell_to(sam, msp)
    made, by = tell_to(paula, msp), actor_for(sam)
    for clients in ([], [acme.pk]):
        with acting_as(by.rls_actor), pytest.raises(Forbidden):
            actions.add_route(by=by, organization=msp, destination=made, severity="medium", clients=clients)
    assert session_of(sam).get(f"/o/{msp.pk}/alerts/routing/").status_code == 403


def test_a_fact_that_is_delivered_twice_tells_nothing_twice(office, bring, acme, alice, tell_to, outside):
    tell_to(alice, acme)
    bring(office)
    send_due()
    deliver_again(acme, "fleet.alert.raised")
    assert len(notices()) == 1


def deliver_again(organization, topic: str) -> None:
    with all_rows():
        message = Message.objects.filter(topic=topic).latest("created_at")
    with acting_as(f"org:{organization.pk}"):
        routing.route(message)

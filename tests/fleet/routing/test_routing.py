"""Who is told of which alert: once for each destination, however often it is counted."""

import pytest

from fleet.routing import routing
from fleet.routing.models import Notice
from organizations.models import ClientRole, Membership
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts, mark
from tests.fleet.alerts.test_inbox import handle
from tests.fleet.alerts.test_suppressions import suppress
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


def test_of_many_at_once_some_are_told_one_by_one_and_the_rest_as_one(office, edge, acme, alice, tell_to, outside):
    from fleet.alerts import reading

    tell_to(alice, acme)
    for number in range(routing.MOST_AT_ONCE + 30):
        latest = edge.alert(office.pk, rule=str(number), level=15 if number == 45 else 7)
    mark(office, latest)
    reading.read(office.organization_id, office.pk)
    send_due()
    assert len(outside.posted) == routing.MOST_AT_ONCE + 1
    assert sum(notice.what == Notice.What.MANY for notice in notices()) == 1
    assert "45" in {notice.content["rule"] for notice in notices() if notice.what == "raised"}
    many = next(notice for notice in notices() if notice.what == "many")
    assert many.content["title"] == "30 more alerts were raised at once"


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


def test_whoever_looks_after_some_clients_makes_no_route_for_all(office, msp, acme, tell_to):
    from controlplane.problems import Forbidden
    from tests.cast import join, person

    sam = person("sam")
    with all_rows():
        paula = Membership.objects.get(organization=msp, role="owner").user
    join(msp, invited_by=paula, user=sam, role="admin")
    with all_rows():
        membership = Membership.objects.get(organization=msp, user=sam)
        ClientRole.objects.create(
            organization=msp, membership=membership, role="admin", reach=ClientRole.Reach.ONLY, clients=[acme.pk]
        )
    with pytest.raises(Forbidden):
        tell_to(sam, msp)


def test_a_fact_that_is_delivered_twice_tells_nothing_twice(office, bring, acme, alice, tell_to, outside):
    from controlplane.models import Message
    from controlplane.rls import acting_as

    tell_to(alice, acme)
    bring(office)
    send_due()
    with all_rows():
        message = Message.objects.get(topic="fleet.alert.raised")
    with acting_as(f"org:{acme.pk}"):
        routing.route(message)
    assert len(notices()) == 1

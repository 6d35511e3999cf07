"""Suppressions: what is known and no trouble is counted and not shown, until a day that somebody named."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, Invalid
from fleet.alerts import queries, retention, suppressions
from fleet.alerts.models import Alert, AlertEntry, Suppression
from organizations.actions import grants
from organizations.models import ClientRole, Grant, Membership
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts, beat
from tests.fleet.alerts.test_causes import view
from tests.fleet.alerts.test_inbox import handle, shown

pytestmark = pytest.mark.django_db

WEEK = dt.timedelta(days=7)


def suppress(person, organization, rule: str = "5763", **more: Any) -> Suppression:
    by = actor_for(person)
    given = {"reason": "A scanner of ours", "ends_at": timezone.now() + WEEK, **more}
    with rls.acting_as(by.rls_actor):
        return suppressions.suppress(by=by, organization=organization, rule_id=rule, **given)


def end(person, organization, suppression: Suppression) -> None:
    by = actor_for(person)
    with rls.acting_as(by.rls_actor):
        found = queries.suppression(by, organization, suppression.pk)
        suppressions.end(by=by, suppression=found)


def run_out() -> None:
    """As if the time of every suppression were over."""
    with all_rows():
        past = timezone.now() - dt.timedelta(hours=1)
        Suppression.objects.update(ends_at=past)
        Alert.objects.exclude(suppressed_until=None).update(suppressed_until=past)


def test_it_hides_what_stands_and_what_comes_and_both_are_counted(office, bring, acme, bob):
    bring(office)
    suppress(bob, acme)
    assert shown(bob, acme) == []
    bring(office, times=3)
    bring(office, agent="002")
    assert sorted(alert.count for alert in alerts()) == [1, 4]
    assert shown(bob, acme) == []
    assert shown(bob, acme, "?suppressed=only") == ["5763", "5763"]
    assert shown(bob, acme, "?suppressed=too") == ["5763", "5763"]


def test_other_rules_agents_and_tenants_are_shown(office, bring, acme, alice, give_tenant):
    plant = give_tenant(acme, alice, "Plant")
    suppress(alice, acme, tenant=office, agent_id="001")
    bring(office, agent="001")
    bring(office, agent="002")
    bring(office, rule="1")
    bring(plant, agent="001")
    hidden = {(alert.tenant_id, alert.agent_id, alert.rule_id) for alert in alerts() if alert.is_suppressed}
    assert hidden == {(office.pk, "001", "5763")}


def test_it_ends_by_itself(office, bring, acme, bob):
    suppress(bob, acme)
    bring(office)
    assert shown(bob, acme) == []
    run_out()
    assert shown(bob, acme) == ["5763"]
    bring(office)
    assert shown(bob, acme) == ["5763"]
    assert [(alert.suppressed_by, alert.suppressed_until) for alert in alerts()] == [("", None)]


def test_ended_early_it_shows_what_it_hid_unless_another_hides_it(office, bring, acme, bob):
    whole = suppress(bob, acme)
    narrow = suppress(bob, acme, tenant=office, agent_id="001", ends_at=timezone.now() + dt.timedelta(days=1))
    bring(office, agent="001")
    bring(office, agent="002")
    end(bob, acme, whole)
    assert [(alert.agent_id, alert.suppressed_by) for alert in alerts() if alert.is_suppressed] == [("001", narrow.pk)]
    end(bob, acme, narrow)
    assert len(shown(bob, acme)) == 2
    with pytest.raises(Conflict):
        end(bob, acme, narrow)


def test_the_trail_and_the_alert_tell_who_and_why(office, bring, acme, bob):
    bring(office)
    made = suppress(bob, acme)
    end(bob, acme, made)
    with rls.acting_as(f"org:{acme.pk}"):
        told = AuditEntry.objects.filter(target=made.pk).order_by("position").values_list("action", "data__reason")
        assert list(told) == [
            ("fleet.suppression.create", "A scanner of ours"),
            ("fleet.suppression.end", "A scanner of ours"),
        ]
        assert AlertEntry.objects.get().text == "A scanner of ours"


def test_an_msps_own_holds_in_all_clients_that_let_it_handle_alerts(
    office, bolt, bring, msp, paula, alice, give_tenant
):
    depot = give_tenant(bolt, alice, "Depot")
    with rls.acting_as(f"user:{alice.pk}"):
        grants.limit_grant(by=actor_for(alice), grant=Grant.objects.get(client=bolt), role_ceiling="viewer")
    bring(office)
    bring(depot)
    suppress(paula, msp)
    bring(office, agent="002")
    bring(depot, agent="002")
    hidden = {(alert.tenant_id, alert.agent_id) for alert in alerts() if alert.is_suppressed}
    assert hidden == {(office.pk, "001"), (office.pk, "002")}


def test_what_comes_again_is_shown_once_nothing_hides_it_any_more(office, bring, acme, msp, paula, alice):
    suppress(paula, msp)
    bring(office)
    assert shown(alice, acme) == []
    with rls.acting_as(f"user:{alice.pk}"):
        grants.withdraw(by=actor_for(alice), grant=Grant.objects.get(client=acme))
    bring(office)
    assert shown(alice, acme) == ["5763"]


def test_it_holds_no_more_once_the_client_has_withdrawn_from_the_msp(office, bring, acme, msp, paula, alice):
    suppress(paula, msp)
    with rls.acting_as(f"user:{alice.pk}"):
        grants.withdraw(by=actor_for(alice), grant=Grant.objects.get(client=acme))
    bring(office)
    assert shown(alice, acme) == ["5763"]


def look_after_acme_alone(msp, acme, person) -> None:
    with all_rows():
        membership = Membership.objects.get(organization=msp, user=person)
        ClientRole.objects.create(
            organization=msp, membership=membership, role="operator", reach=ClientRole.Reach.ONLY, clients=[acme.pk]
        )


def test_whoever_looks_after_some_clients_hides_nothing_in_all(office, bring, msp, acme, maria):
    look_after_acme_alone(msp, acme, maria)
    with pytest.raises(Forbidden):
        suppress(maria, msp)
    suppress(maria, acme)


def test_whoever_looks_after_some_clients_shows_nothing_that_is_hidden_in_all(office, bring, msp, acme, maria, paula):
    made = suppress(paula, msp)
    look_after_acme_alone(msp, acme, maria)
    with pytest.raises(Forbidden):
        end(maria, msp, made)
    bring(office)
    assert shown(paula, msp) == []
    end(maria, msp, suppress(maria, acme, tenant=office))


def test_a_viewer_suppresses_nothing(acme, vera):
    with pytest.raises(Forbidden):
        suppress(vera, acme)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"ends_at": dt.timedelta(0)}, "ends_at"),
        ({"ends_at": dt.timedelta(days=400)}, "ends_at"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"rule": ""}, "rule"),
        ({"agent_id": "001"}, "tenant"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(acme, bob, given, field):
    asked = {**given, "ends_at": timezone.now() + given.get("ends_at", WEEK)}
    with pytest.raises(Invalid) as refused:
        suppress(bob, acme, **asked)
    assert [error.field for error in refused.value.errors] == [field]


def test_a_tenant_of_elsewhere_is_refused(office, rival, mallory):
    with pytest.raises(Invalid):
        suppress(mallory, rival, tenant=office)


def test_a_strangers_suppression_hides_nothing_here(office, bring, rival, mallory, acme, bob):
    suppress(mallory, rival)
    bring(office)
    assert shown(bob, acme) == ["5763"]


def test_from_the_page_of_an_alert_it_reaches_as_far_as_was_chosen(office, bring, msp, acme, maria, bob):
    bring(office)
    path = f"/o/{acme.pk}/alerts/{alerts()[0].pk}/suppress/"
    assert session_of(bob).post(path, {"reach": "agent", "days": "0", "reason": "x"}).status_code == 422
    answer = session_of(bob).post(path, {"reach": "agent", "days": "30", "reason": "A scanner of ours"})
    assert answer.status_code == 302
    with all_rows():
        made = Suppression.objects.get()
    assert (made.organization_id, made.tenant_id, made.agent_id) == (acme.pk, office.pk, "001")
    page = session_of(bob).get(f"/o/{acme.pk}/alerts/suppressions/").content.decode()
    assert "A scanner of ours" in page
    assert session_of(bob).post(f"/o/{acme.pk}/alerts/suppressions/{made.pk}/end/").status_code == 302
    assert shown(bob, acme) == ["5763"]


def test_by_api_it_is_made_listed_and_ended(office, bring, acme, alice, program_of):
    api = program_of(alice, acme)
    bring(office)
    given = {"rule_id": "5763", "reason": "Ours", "ends_at": (timezone.now() + WEEK).isoformat(), "tenant": office.pk}
    made = api.post(f"organizations/{acme.pk}/alert-suppressions", given)
    assert made.status_code == 201, made.content
    one = f"organizations/{acme.pk}/alert-suppressions/{made.json()['id']}"
    assert api.get(f"organizations/{acme.pk}/alerts").json()["results"] == []
    assert [each["in_force"] for each in api.get(f"organizations/{acme.pk}/alert-suppressions").json()["results"]] == [
        True
    ]
    assert api.send("DELETE", one).json()["in_force"] is False
    assert len(api.get(f"organizations/{acme.pk}/alerts").json()["results"]) == 1


def test_a_key_for_one_tenant_hides_nothing_in_others(office, acme, alice, program_of):
    api = program_of(alice, acme, scopes={"events.read", "alert.handle", "tenant.view"}, tenant_ids=[office.pk])
    given = {"rule_id": "5763", "reason": "Ours", "ends_at": (timezone.now() + WEEK).isoformat()}
    assert api.post(f"organizations/{acme.pk}/alert-suppressions", given).status_code == 403
    assert api.post(f"organizations/{acme.pk}/alert-suppressions", {**given, "tenant": office.pk}).status_code == 201


def test_old_alerts_leave_with_their_history_and_young_ones_stay(office, bring, acme, bob):
    bring(office, rule="old")
    bring(office, rule="young")
    handle(bob, acme, alerts(), "acknowledge")
    suppress(bob, acme, rule="x")
    with all_rows():
        long_ago = timezone.now() - retention.KEPT - dt.timedelta(days=1)
        Alert.objects.filter(rule_id="old").update(last_at=long_ago)
        Suppression.objects.update(ends_at=long_ago)
    beat("forget-alerts")
    assert [alert.rule_id for alert in alerts()] == ["young"]
    with all_rows():
        assert (AlertEntry.objects.count(), Suppression.objects.count()) == (1, 0)


def test_an_old_alert_stays_as_long_as_its_cause_stands(office, edge):
    silent = [{"code": "MANAGER_SILENT", "message": "Nothing has come.", "hint": ""}]
    view(edge, office, attention=silent, agents={"enrolled": 2, "active": 0})
    with all_rows():
        Alert.objects.update(last_at=timezone.now() - retention.KEPT - dt.timedelta(days=1))
    beat("forget-alerts")
    assert [alert.kind for alert in alerts()] == ["tenant_silent"]
    view(edge, office, attention=[])
    beat("forget-alerts")
    assert alerts() == []

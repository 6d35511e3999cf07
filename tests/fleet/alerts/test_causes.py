"""What is wrong with a tenant itself stands in the inbox for as long as it is, and no longer."""

import datetime as dt

import httpx
import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.problems import Conflict
from fleet.alerts import reading, standing
from fleet.alerts.models import Alert, AlertCursor, AlertEntry
from tenants.enrollment.models import Agent
from tenants.protection.deletion import actions as deletion
from tenants.provisioning import actions, claims, mirror
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.database import all_rows
from tests.fleet.alerts.conftest import alerts
from tests.fleet.alerts.test_inbox import handle, shown
from tests.tenants.conftest import fresh, read_feed
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def machines(office):
    """Many agents of Acme's Office that are connected."""
    with all_rows():
        Agent.objects.bulk_create(
            Agent(
                organization_id=office.organization_id,
                tenant=office,
                number=f"{number:03}",
                name=f"web-{number}",
                status="active",
                enrolled_at=timezone.now(),
            )
            for number in range(1, 301)
        )


def tell(edge, tenant, state: str, *numbers: int) -> None:
    told = [{"id": f"{n:03}", "name": f"web-{n}", "state": state, "last_seen_at": None} for n in numbers]
    edge.publish(tenant.pk, "agent_silence", {"agents": told})
    read_feed()


def view(edge, tenant, **more) -> None:
    edge.views[tenant.pk].update(more)
    edge.publish(tenant.pk)
    read_feed()


def look(tenant) -> None:
    with rls.acting_as(f"org:{tenant.organization_id}"):
        standing.look(mirror.locked(tenant.pk))


def open_ones() -> list[tuple[str, str, str]]:
    return [(alert.kind, alert.severity, alert.title) for alert in alerts() if alert.state != "closed"]


def test_a_site_that_goes_dark_is_one_alert_however_many_agents_it_has(office, machines, edge):
    tell(edge, office, "silent", *range(1, 251))
    tell(edge, office, "silent", *range(251, 301))
    assert open_ones() == [("agent_silent", "medium", "300 agents are silent: web-1, web-2, web-3 and 297 more")]
    assert len(alerts()) == 1


def test_it_closes_by_itself_when_the_last_is_back(office, machines, edge):
    tell(edge, office, "silent", 1, 2)
    tell(edge, office, "back", 2)
    assert open_ones() == [("agent_silent", "medium", "1 agent is silent: web-1")]
    assert alerts()[0].agent_id == "001"
    tell(edge, office, "back", 1)
    assert open_ones() == []
    with all_rows():
        entry = AlertEntry.objects.get()
    assert (entry.what, entry.by) == ("settle", "")
    tell(edge, office, "silent", 3)
    assert len(alerts()) == 2


def test_who_closes_it_is_not_bothered_again_by_the_same_cause(office, machines, edge, acme, bob):
    tell(edge, office, "silent", 1)
    handle(bob, acme, alerts(), "close")
    tell(edge, office, "silent", 2)
    assert (open_ones(), len(alerts())) == ([], 1)
    tell(edge, office, "back", 1, 2)
    tell(edge, office, "silent", 1)
    assert len(open_ones()) == 1


def test_one_whose_cause_is_over_is_not_reopened_so_that_the_cause_can_come_again(office, machines, edge, acme, bob):
    tell(edge, office, "silent", 1)
    tell(edge, office, "back", 1)
    with pytest.raises(Conflict, match="is over"):
        handle(bob, acme, alerts(), "reopen")
    tell(edge, office, "silent", 1)
    assert sorted(alert.state for alert in alerts()) == ["closed", "open"]
    (settled,) = (alert for alert in alerts() if alert.state == "closed")
    with pytest.raises(Conflict, match="is over"):
        handle(bob, acme, [settled], "reopen")


def test_one_that_was_closed_while_its_cause_stands_is_reopened(office, machines, edge, acme, bob):
    tell(edge, office, "silent", 1)
    handle(bob, acme, alerts(), "close")
    handle(bob, acme, alerts(), "reopen")
    tell(edge, office, "back", 1)
    assert [(alert.state, alert.stands) for alert in alerts()] == [("closed", False)]


@pytest.mark.parametrize("other", [{"status": "active"}, {"silent_at": None}])
def test_only_agents_that_are_not_connected_and_were_told_to_be_silent_are_missed(office, machines, edge, other):
    """A reading tells of a connection before the edge judges it, and may be newer than what was told of silence."""
    tell(edge, office, "silent", 1, 2)
    with all_rows():
        Agent.objects.filter(number="001").update(**other)
    look(office)
    assert [title for *_, title in open_ones()] == ["1 agent is silent: web-2"]


def test_of_a_site_that_goes_dark_only_the_agents_that_are_named_are_loaded(office, machines, edge, monkeypatch):
    tell(edge, office, "silent", *range(1, 251))
    loaded, ours = [], Agent.from_db.__func__

    def counted(cls, *given, **more):
        loaded.append(given)
        return ours(cls, *given, **more)

    monkeypatch.setattr(Agent, "from_db", classmethod(counted))
    look(office)
    assert len(loaded) == 3


def test_a_quarantined_agent_is_not_missed(office, machines, edge):
    with all_rows():
        Agent.objects.filter(number="001").update(quarantined_at=timezone.now())
    tell(edge, office, "silent", 1)
    assert open_ones() == []


def test_a_tenant_from_which_nothing_comes_is_silent_if_it_has_agents(office, edge):
    words = "Nothing has come from the manager for more than 10 minutes."
    silent = [{"code": "MANAGER_SILENT", "message": words, "hint": ""}]
    view(edge, office, attention=silent)
    assert open_ones() == []
    view(edge, office, agents={"enrolled": 2, "active": 0})
    assert open_ones() == [("tenant_silent", "high", words)]
    view(edge, office, attention=[])
    assert open_ones() == []


def test_a_silent_tenant_is_told_as_long_as_its_manager_is_away(office, edge):
    """The edge judges silence while all nodes are up: of one that is being replaced it says nothing."""
    silent = [{"code": "MANAGER_SILENT", "message": "Nothing has come.", "hint": ""}]
    view(edge, office, attention=silent, agents={"enrolled": 2, "active": 0})
    view(edge, office, observed="degraded", attention=[])
    assert [kind for kind, *_ in open_ones()] == ["tenant_silent"]
    view(edge, office, observed="running")
    assert open_ones() == []


def test_while_nothing_is_known_of_a_tenant_what_stands_goes_on(office, machines, edge):
    tell(edge, office, "silent", 1)
    node = {"role": "indexer", "n": 0, "state": "running", "health": {"detail": {"code": "DISK_FULL", "message": "x"}}}
    near = {"not_after": (timezone.now() + dt.timedelta(days=6)).isoformat(), "generation": 1}
    view(edge, office, nodes=[node], certificate=near)
    before = open_ones()
    assert len(before) == 3
    edge.fail_next(f"GET /v1/tenants/{office.pk}", httpx.ReadTimeout("slow"))
    with all_rows():
        claims.refresh_cell(fresh(office).cell_id)
    reconcile(office.pk)
    assert fresh(office).observed == "unknown"
    assert open_ones() == before


def test_a_disk_that_fills_up_is_told_by_its_node_and_gets_graver_once_it_is_full(office, edge):
    def disk(code: str | None) -> None:
        detail = {"code": code, "message": f"said {code}"} if code else None
        node = {"role": "indexer", "n": 0, "state": "running", "health": {"state": "warning", "detail": detail}}
        view(edge, office, nodes=[node])

    disk("DISK_FILLING")
    assert open_ones() == [("disk", "medium", "indexer-0: said DISK_FILLING")]
    disk("DISK_FULL")
    assert open_ones() == [("disk", "critical", "indexer-0: said DISK_FULL")]
    disk("SLOW")
    assert open_ones() == []
    assert len(alerts()) == 1


def test_a_failed_operation_is_told_until_the_next_one_begins(acme, alice, edge, give_tenant):
    plant = give_tenant(acme, alice, "Plant", runs=False)
    reconcile(plant.pk)
    edge.break_run(plant.pk, "manager")
    read_feed()
    ((kind, severity, title),) = open_ones()
    assert (kind, severity) == ("provisioning", "high")
    assert title.startswith("Create failed.")
    page = f"/t/{plant.pk}/operations/{alerts()[0].key}/"
    from tests.cast import session_of

    shown_page = session_of(alice).get(f"/o/{acme.pk}/alerts/{alerts()[0].pk}/").content.decode()
    assert page in shown_page
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        failed = fresh(plant).operations.first()
        actions.retry(by=by, operation=failed)
    reconcile(plant.pk)
    read_feed()
    assert open_ones() == []


def test_a_tenant_whose_creation_the_edge_refused_stands_in_the_inbox(acme, alice, edge, give_tenant):
    plant = give_tenant(acme, alice, "Plant", runs=False)
    edge.fail_next("PUT", refusal(422, "UNKNOWN_VERSION"))
    reconcile(plant.pk)
    ((kind, severity, title),) = open_ones()
    assert (kind, severity, title) == ("provisioning", "high", "Create failed. UNKNOWN_VERSION was met.")


def test_certificates_near_their_end_are_told_by_the_clock_alone(office, edge):
    ends = (timezone.now() + dt.timedelta(days=20)).isoformat()
    view(edge, office, certificate={"not_after": ends, "generation": 1})
    assert open_ones() == []
    near = (timezone.now() + dt.timedelta(days=6, hours=1)).isoformat()
    with all_rows():
        told = fresh(office)
        told.edge_view["certificate"]["not_after"] = near
        told.save(update_fields=["edge_view"])
        AlertCursor.objects.filter(pk=office.pk).update(due_at=timezone.now())
    reading.read(office.organization_id, office.pk)
    assert open_ones() == [("certificate", "medium", "The certificates end in 6 days.")]


def test_a_tenant_that_is_stopped_or_in_the_bin_has_nothing_wrong(office, machines, edge, alice):
    tell(edge, office, "silent", 1)
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        deletion.delete(by=by, tenant=fresh(office), confirm_name="Office")
    view(edge, office)
    assert open_ones() == []


def test_looking_again_changes_nothing_and_a_restart_raises_nothing_twice(office, machines, edge):
    tell(edge, office, "silent", 1)
    before = [(alert.pk, alert.last_at) for alert in alerts()]
    for _ in range(3):
        look(office)
    assert [(alert.pk, alert.last_at) for alert in alerts()] == before


def test_they_are_found_by_kind_beside_alerts_of_rules(office, machines, edge, bring, acme, bob):
    tell(edge, office, "silent", 1)
    bring(office)
    assert len(shown(bob, acme)) == 2
    assert shown(bob, acme, "?kind=agent_silent") == [""]
    assert shown(bob, acme, "?kind=rule") == ["5763"]
    with all_rows():
        own = Alert.objects.get(kind="agent_silent")
    assert own.recent == []

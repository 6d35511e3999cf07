"""The first steps with a new tenant: each is found done by what is there, and whoever is through is left alone."""

import datetime as dt
from decimal import Decimal

import httpx
import pytest
from django.utils import timezone

from controlplane import rls
from tenants.metering.models import UsageHour
from tenants.provisioning.models import Tenant
from tests.cast import session_of
from tests.tenants.conftest import fresh, read_feed, reconcile
from tests.tenants.edge import refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def steps(alice):
    """The path's steps with their states, as a page of a tenant shows them to alice."""

    def read(tenant: Tenant, rest: str = "first-steps/", person=alice) -> dict[str, str] | None:
        path = session_of(person).get(f"/t/{tenant.pk}/{rest}").context["path"]
        return path and {step.title.split()[-1]: step.state for step in path.steps}

    return read


@pytest.fixture
def with_agent(running, edge):
    edge.views[running.pk]["agents"] = {"enrolled": 1, "active": 1}
    edge.publish(running.pk)
    read_feed()
    return fresh(running)


def say(edge, events: list[dict]) -> None:
    page = {"after": 0, "events": events, "next": 9, "more": False, "oldest": 1, "latest": 9}
    edge.fail_next("GET /api/events", httpx.Response(200, json=page))


def test_a_tenant_that_starts_may_have_its_token_made_meanwhile(tenant, steps):
    assert steps(tenant, "") == {"tenant": "now", "token": "now", "in": "later", "alert": "later"}


def test_a_token_is_found_by_itself(running, make_token, steps):
    assert steps(running)["token"] == "now"
    make_token()
    assert steps(running) == {"tenant": "done", "token": "done", "in": "now", "alert": "later"}


def test_an_agent_and_the_first_alert_are_found_by_themselves(with_agent, edge, steps, alice):
    say(edge, [])
    assert steps(with_agent) == {"tenant": "done", "token": "done", "in": "done", "alert": "now"}
    data = {"rule": {"description": "sshd: authentication failed."}}
    say(edge, [{"seq": 4, "at": "2026-11-27T10:00:00Z", "kind": "alert", "data": data}])
    page = session_of(alice).get(f"/t/{with_agent.pk}/first-steps/").content.decode()
    assert "You are set up" in page
    assert "sshd: authentication failed." in page
    assert "every 5s" not in page


def test_an_edge_that_is_away_is_said(with_agent, edge, alice):
    edge.fail_next("GET /api/events", refusal(503, "INTERNAL"))
    assert "Not known at this moment" in session_of(alice).get(f"/t/{with_agent.pk}/first-steps/").content.decode()


def test_the_page_itself_asks_no_edge(with_agent, edge, steps):
    before = len(edge.requests)
    assert steps(with_agent, "")["alert"] == "now"
    assert len(edge.requests) == before


def test_whoever_is_through_hidden_it_or_may_make_no_token_is_shown_none(with_agent, steps, alice, vera):
    assert steps(with_agent, "", vera) is None
    browser = session_of(alice)
    assert browser.post(f"/t/{with_agent.pk}/first-steps/hide/").status_code == 302
    assert browser.get(f"/t/{with_agent.pk}/").context["path"] is None
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    with rls.acting_as(f"org:{with_agent.organization_id}"):
        row = {"tenant": with_agent, "organization_id": with_agent.organization_id, "hour": hour}
        UsageHour.objects.create(**row, kind="alerts", quantity=Decimal(3))
    assert steps(with_agent, "") is None


def test_a_tenant_of_last_month_is_not_new(running, steps):
    with rls.acting_as(f"org:{running.organization_id}"):
        Tenant.objects.filter(pk=running.pk).update(created_at=timezone.now() - dt.timedelta(days=31))
    assert steps(running, "") is None


def test_a_tenant_that_did_not_come_up_is_not_said_to_start(tenant, edge, alice):
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "indexer")
    read_feed()
    page = session_of(alice).get(f"/t/{tenant.pk}/").content.decode()
    assert "It did not come up." in page
    assert "It starts, which takes a few minutes." not in page

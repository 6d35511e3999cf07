"""A tenant's status: periods from what the edge tells, its page, public links, and who is told."""

import re

import pytest
from django.core import mail as django_mail
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from controlplane.problems import Conflict, Forbidden, NotFound
from tenants.protection.maintenance import window as maintenance
from tenants.provisioning.mirror import ERASED
from tenants.provisioning.reconciler import reconcile
from tenants.status import links, periods, queries, subscriptions, telling
from tenants.status.models import StatusLink, StatusSubscription, TenantPeriod
from tenants.status.probes import WELL
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver, fresh, read_feed

pytestmark = pytest.mark.django_db


def states(tenant):
    with rls.acting_as(f"org:{tenant.organization_id}"):
        return list(
            TenantPeriod.objects.filter(tenant=tenant).order_by("created_at", "id").values_list("state", flat=True)
        )


def turn(edge, tenant, observed):
    """Let the edge tell that the tenant is something else now."""
    edge.views[tenant.pk]["observed"] = observed
    edge.publish(tenant.pk)
    read_feed()


@pytest.fixture
def made(running, alice_acts):
    """A public link and its token."""
    with rls.acting_as(alice_acts.rls_actor):
        return links.make(by=alice_acts, tenant=running, title="Northwind monitoring")


@pytest.fixture
def visitor():
    return Client(raise_request_exception=True)


def confirmed(visitor, address, **given):
    """Subscribe an address and confirm it by the mailed link."""
    visitor.post(address, {"email": "ida@example.test"})
    deliver()
    (asked,) = [each for each in django_mail.outbox if each.to == ["ida@example.test"]]
    path = re.search(r"\]\(http://testserver(/status/\S+/)\)", asked.body)[1]
    visitor.post(path, {"act": "confirm"})
    django_mail.outbox.clear()
    return path


def test_a_tenant_has_a_period_for_each_state_that_it_came_to(running, edge):
    turn(edge, running, "degraded")
    turn(edge, running, "degraded")
    turn(edge, running, "running")
    assert states(running) == ["changing", "operational", "degraded", "operational"]
    with rls.acting_as(f"org:{running.organization_id}"):
        rows = list(TenantPeriod.objects.filter(tenant=running).order_by("created_at", "id"))
    assert [each.ended_at for each in rows[:-1]] == [each.created_at for each in rows[1:]]
    assert rows[-1].ended_at is None


def test_a_creation_that_fails_for_good_is_down(tenant, edge):
    deliver()
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "manager")
    read_feed()
    assert states(tenant)[-1] == "down"


def test_its_people_see_state_nodes_plans_and_history(running, edge, alice, alice_acts):
    with rls.acting_as(alice_acts.rls_actor):
        window = {"days": ["sun"], "start": "02:00", "minutes": 120, "time_zone": "UTC"}
        maintenance.set_window(by=alice_acts, tenant=running, window=window)
    turn(edge, running, "degraded")
    page = session_of(alice).get(f"/t/{running.pk}/status/").content.decode()
    for words in ("Degraded", "manager", "indexer", "dashboard", "next maintenance window", "Change under way"):
        assert words in page, words


def test_it_says_when_the_edge_tells_nothing_just_now(running, alice):
    silent = "The edge does not tell the portal anything just now."
    assert silent in session_of(alice).get(f"/t/{running.pk}/status/").content.decode()
    periods.note("lo-changes", WELL, timezone.now())
    assert silent not in session_of(alice).get(f"/t/{running.pk}/status/").content.decode()


def test_a_public_link_shows_states_and_nothing_that_the_tenant_is_made_of(running, made, visitor, edge):
    _, token = made
    turn(edge, running, "degraded")
    page = visitor.get(f"/status/t/{token}/")
    text = page.content.decode() + visitor.get(f"/status/t/{token}/status.json").content.decode()
    text += visitor.get(f"/status/t/{token}/feed.atom").content.decode()
    assert "Northwind monitoring" in text
    assert "Degraded" in text
    for inner in (running.pk, running.name, "Acme", running.organization_id, "manager", "4.14.7", "192.0.2"):
        assert inner not in text, inner
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert page["Referrer-Policy"] == "same-origin"
    assert page["Cache-Control"] == "private, max-age=15"


def test_the_token_is_kept_as_a_digest_and_told_once(made, running, alice):
    link, token = made
    with all_rows():
        assert token not in str(list(StatusLink.objects.values()))
    page = session_of(alice).get(f"/t/{running.pk}/status/").content.decode()
    assert link.title in page
    assert token not in page


def test_a_revoked_link_opens_nothing_and_tells_nobody_any_more(made, running, visitor, edge, alice_acts):
    link, token = made
    confirmed(visitor, f"/status/t/{token}/subscribe/")
    with rls.acting_as(alice_acts.rls_actor):
        links.revoke(by=alice_acts, tenant=running, link_id=link.pk)
        links.revoke(by=alice_acts, tenant=running, link_id=link.pk)
        told = AuditEntry.objects.filter(action="tenants.status_link.revoke")
        assert told.count() == 1
    for rest in ("", "status.json", "feed.atom", "subscribe/"):
        assert visitor.get(f"/status/t/{token}/{rest}").status_code == 404
    turn(edge, running, "degraded")
    deliver()
    assert django_mail.outbox == []


@pytest.mark.parametrize(
    "forge", [lambda token: token[:-1] + "!", lambda token: "nothing", lambda token: token.upper()]
)
def test_a_token_that_was_never_given_opens_nothing(made, visitor, forge):
    assert visitor.get(f"/status/t/{forge(made[1])}/").status_code == 404


def test_who_subscribed_by_a_link_is_told_of_trouble_and_its_end_by_the_links_title(made, running, visitor, edge):
    confirmed(visitor, f"/status/t/{made[1]}/subscribe/")
    for observed in ("degraded", "degraded", "running"):
        turn(edge, running, observed)
    deliver()
    subjects = [each.subject for each in django_mail.outbox]
    assert subjects == ["Northwind monitoring: degraded", "Northwind monitoring: operational"]
    assert all(running.name not in each.body for each in django_mail.outbox)
    assert all("List-Unsubscribe" in each.message() for each in django_mail.outbox)


def test_confirming_and_ending_stand_in_the_trail_of_the_tenants_organization(made, running, visitor):
    path = confirmed(visitor, f"/status/t/{made[1]}/subscribe/")
    visitor.post(path, {"act": "end"})
    with rls.acting_as(f"org:{running.organization_id}"):
        found = AuditEntry.objects.filter(action__startswith="tenants.status_subscription.").order_by("position")
        assert [each.action.split(".")[-1] for each in found] == ["confirm", "end"]


def test_its_people_see_who_is_told_and_remove_them(made, running, visitor, alice):
    confirmed(visitor, f"/status/t/{made[1]}/subscribe/")
    browser = session_of(alice)
    page = browser.get(f"/t/{running.pk}/status/").content.decode()
    assert "ida@example.test" in page
    end = re.search(rf"/t/{running.pk}/status/subscriptions/\w+/end/", page)[0]
    assert browser.post(end).status_code == 302
    with all_rows():
        assert not StatusSubscription.objects.exists()


def test_whoever_only_views_makes_no_link_and_sees_no_addresses(running, vera):
    viewing = actor_for(vera)
    with rls.acting_as(viewing.rls_actor):
        with pytest.raises(Forbidden):
            links.make(by=viewing, tenant=running, title="Mine")
        with pytest.raises(Forbidden):
            queries.subscriptions_of(viewing, running)
        with pytest.raises(Forbidden):
            subscriptions.ask_for(by=viewing, tenant=running, email="a@example.test")
    assert "Public links" not in session_of(vera).get(f"/t/{running.pk}/status/").content.decode()


def test_a_link_is_made_on_the_page_and_shown_this_once(running, alice, visitor):
    browser = session_of(alice)
    page = browser.post(f"/t/{running.pk}/status/links/", {"title": "For the client"})
    token = re.search(r"/status/t/(sts_\w+)/", page.content.decode())[1]
    assert visitor.get(f"/status/t/{token}/").status_code == 200
    assert browser.post(f"/t/{running.pk}/status/links/", {"title": ""}).status_code == 422


def test_a_tenant_has_only_so_many_links(running, alice_acts, monkeypatch):
    monkeypatch.setattr(links, "MOST", 1)
    with rls.acting_as(alice_acts.rls_actor):
        links.make(by=alice_acts, tenant=running, title="One")
        with pytest.raises(Conflict):
            links.make(by=alice_acts, tenant=running, title="Two")


def test_of_a_tenant_that_is_no_more_nobody_is_told(made, running, visitor):
    confirmed(visitor, f"/status/t/{made[1]}/subscribe/")
    with rls.acting_as(f"org:{running.organization_id}"):
        telling.forget_tenant(type("Message", (), {"payload": {"tenant": running.pk}, "topic": ERASED})())
        assert not StatusSubscription.objects.exists()
    with pytest.raises(NotFound):
        links.open_by(made[1])


def test_programs_read_status_and_periods_and_make_and_revoke_links(running, api, outsider, visitor):
    told = api.get(f"tenants/{running.pk}/status").json()
    assert (told["state"], told["name"]) == ("operational", running.name)
    assert [each["state"] for each in api.get(f"tenants/{running.pk}/status/periods").json()["results"]] == [
        "operational",
        "changing",
    ]
    link = api.post(f"tenants/{running.pk}/status/links", {"title": "For the client"}).json()
    path = link["address"].removeprefix("http://testserver")
    assert visitor.get(path).status_code == 200
    one = f"tenants/{running.pk}/status/links/{link['id']}"
    assert "address" not in api.get(one).json()
    assert api.send("DELETE", one).status_code == 204
    assert visitor.get(path).status_code == 404
    assert outsider.get(f"tenants/{running.pk}/status").status_code == 404
    assert outsider.send("DELETE", one).status_code == 404


def test_programs_have_an_address_asked_and_end_a_subscription(running, api):
    assert api.post(f"tenants/{running.pk}/status/subscriptions", {"email": "ida@example.test"}).status_code == 202
    (row,) = api.get(f"tenants/{running.pk}/status/subscriptions").json()["results"]
    assert (row["email"], row["confirmed_at"]) == ("ida@example.test", None)
    assert api.send("DELETE", f"tenants/{running.pk}/status/subscriptions/{row['id']}").status_code == 204
    assert api.post("status/subscriptions", {"email": "ida@example.test"}).status_code == 202
    assert api.get("status").json()["groups"][0]["name"] == "Portal"
    assert fresh(running).name == running.name


def test_a_number_is_no_title(running, api):
    refused = api.post(f"tenants/{running.pk}/status/links", {"title": 1.5})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "title")

"""What an organization demands of whoever enters, at its tenants' pages, in the API, and at the edge."""

import datetime as dt
import json
import time
from dataclasses import replace

import pytest
from django.utils import timezone

from controlplane import rls
from organizations.access import NotAdmitted
from organizations.actions import security
from organizations.models import Grant, Organization
from tenants.access import actions as access
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.tenants.conftest import deliver

pytestmark = pytest.mark.django_db


def demand(organization, **what):
    with all_rows():
        Organization.objects.filter(pk=organization.pk).update(**what)


def in_session(user, organization, *, minutes_ago=0):
    """Somebody whose session entered the organization so long ago, without a second factor."""
    at = int(time.time()) - 60 * minutes_ago
    proven = {"proofs": ((organization.pk, "account"),), "shown_at": ((organization.pk, at, 0),)}
    return replace(actor_for(user), **proven, second_factor=frozenset(), confirmed=True, address="192.0.2.7")


def changed(by, organization, **what):
    with rls.acting_as(by.rls_actor):
        security.change(by=by, organization=organization, **what)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"require_second_factor": True}, "SECOND_FACTOR_NEEDED"),
        ({"allowed_networks": ["192.0.2.0/24"]}, "ADDRESS_NOT_ALLOWED"),
        ({"signed_out_at": timezone.now() + dt.timedelta(days=1)}, "SIGN_IN_NEEDED"),
    ],
)
def test_a_tenant_is_shut_until_it_is_met_and_says_so_to_members_only(running, acme, bob, maria, mallory, what, code):
    demand(acme, **what)
    for member in (bob, maria):
        client = session_of(member)
        led = client.get(f"/t/{running.pk}/")
        assert led["Location"] == f"/sso/enter/{acme.pk}/?next=%2Ft%2F{running.pk}%2F"
        assert client.get(f"/api/v1/tenants/{running.pk}").json()["code"] == code
        assert client.post(f"/api/v1/tenants/{running.pk}/dashboard").json()["code"] == code
        assert client.get("/api/v1/tenants").json()["results"] == []
    outside = session_of(mallory).get(f"/api/v1/tenants/{running.pk}").json()
    assert outside["code"] == "TENANT_UNKNOWN" or outside["status"] == 404


def test_no_dashboard_is_opened_without_what_is_demanded(running, acme, bob, edge):
    demand(acme, require_second_factor=True)
    by = in_session(bob, acme)
    with pytest.raises(NotAdmitted):
        access.open_dashboard(by=by, tenant=running)
    assert not [path for _, path in edge.calls if path.endswith("dashboard-codes")]


@pytest.mark.parametrize(("limit", "age", "expected"), [(60, 20, 40), (720, 0, 8 * 60), (None, 600, 8 * 60)])
def test_what_is_open_at_the_edge_ends_with_the_session_that_opened_it(running, acme, bob, edge, limit, age, expected):
    demand(acme, session_minutes=limit)
    access.open_dashboard(by=in_session(bob, acme, minutes_ago=age), tenant=running)
    ends = dt.datetime.fromisoformat(json.loads(edge.requests[-1].content)["ends_at"])
    assert abs((ends - timezone.now()).total_seconds() / 60 - expected) < 1


def test_a_clients_limit_bounds_what_an_msps_person_opens(running, acme, msp, maria, edge):
    demand(acme, session_minutes=60)
    with all_rows():
        grant = Grant.objects.get(client=acme, msp=msp)
    by = replace(in_session(maria, msp, minutes_ago=30), working=(grant.pk, msp.pk))
    access.open_dashboard(by=by, tenant=running)
    ends = dt.datetime.fromisoformat(json.loads(edge.requests[-1].content)["ends_at"])
    assert abs((ends - timezone.now()).total_seconds() / 60 - 30) < 1


def test_a_stricter_demand_closes_everything_that_is_open_at_the_edge(running, acme, alice, edge):
    changed(in_session(alice, acme), acme, allowed_networks=["192.0.2.0/24"])
    deliver()
    body = json.loads(edge.requests[-1].content)
    assert edge.calls[-1] == ("POST", f"/v1/tenants/{running.pk}/revocations")
    assert body["organization"] == acme.pk


def test_what_an_msp_demands_closes_what_came_by_its_grant_alone(running, acme, msp, paula, edge):
    changed(in_session(paula, msp), msp, session_minutes=60)
    deliver()
    body = json.loads(edge.requests[-1].content)
    assert edge.calls[-1] == ("POST", f"/v1/tenants/{running.pk}/revocations")
    assert body["grant"].startswith("grant_")
    assert "organization" not in body


def test_signing_everybody_out_closes_dashboards_and_streams(running, acme, alice, edge):
    by = in_session(alice, acme)
    with rls.acting_as(by.rls_actor):
        security.sign_everybody_out(by=by, organization=acme)
    deliver()
    assert json.loads(edge.requests[-1].content)["organization"] == acme.pk

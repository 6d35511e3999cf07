"""Who reads a cell's changes: one consumer at a time, succeeded at once, through outages and faults."""

import datetime as dt
import subprocess
import sys

import httpx
import pytest
from django.utils import timezone

from tenants.provisioning import claims, feed, leases
from tenants.provisioning.models import Cell
from tenants.provisioning.reconciler import reconcile
from tests.tenants.conftest import open_dashboard, opened

pytestmark = pytest.mark.django_db


def test_one_consumer_a_cell(cell):
    first = feed.claim_feed("lo")
    assert first is not None
    assert feed.claim_feed("lo") is None
    feed.release("lo", first)
    assert feed.claim_feed("lo") is not None


def test_a_consumer_whose_lease_has_ended_can_not_move_the_cursor(cell):
    first = feed.claim_feed("lo")
    Cell.objects.update(feed_lease_until=timezone.now() - dt.timedelta(seconds=1))
    second = feed.claim_feed("lo")
    assert not feed.advance("lo", first, "epoch-1", 9)
    assert not feed.renew("lo", first)
    assert feed.advance("lo", second, "epoch-1", 5)
    assert Cell.objects.get().feed_seq == 5


def test_a_killed_consumer_of_this_machine_is_succeeded_at_once(cell):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host, _, secret = leases.new_owner().split(":")
    later = timezone.now() + dt.timedelta(minutes=1)
    Cell.objects.update(feed_owner=f"{host}:{dead.pid}:{secret}", feed_lease_until=later)
    assert feed.is_unread(Cell.objects.get(), timezone.now())
    assert feed.claim_feed("lo") is not None


@pytest.mark.parametrize("owner", ["elsewhere:1:x", "odd", "", "this process"])
def test_who_may_still_be_alive_keeps_the_lease(cell, owner):
    owner = leases.new_owner() if owner == "this process" else owner
    Cell.objects.update(feed_owner=owner, feed_lease_until=timezone.now() + dt.timedelta(minutes=1))
    assert feed.claim_feed("lo") is None


def test_a_shift_goes_on_through_an_outage(running, edge, monkeypatch):
    monkeypatch.setattr(feed, "PAUSE_SECONDS", 0)
    edge.fail_next("/v1/changes", httpx.ConnectError("away"))
    open_dashboard(edge, running)
    looks = iter([True, True, False])
    monkeypatch.setattr(feed, "renew", lambda *_: next(looks))
    assert feed.consume("lo")
    assert opened(running) == 1
    assert Cell.objects.get().feed_lease_until is None


def test_when_the_edge_is_back_whoever_waits_for_it_is_looked_at_at_once(tenant, edge, monkeypatch):
    monkeypatch.setattr(feed, "PAUSE_SECONDS", 0)
    reconcile(tenant.pk)
    assert claims.due_tenants(5) == []
    for away in (False, True):
        if away:
            edge.fail_next("/v1/changes", httpx.ConnectError("away"))
        looks = iter([True, True, False])
        monkeypatch.setattr(feed, "renew", lambda *_, looks=looks: next(looks))
        feed.consume("lo")
        assert claims.due_tenants(5) == ([tenant.pk] if away else [])


@pytest.mark.parametrize(
    "answer",
    [
        {"tenants": [], "next": None},
        {"tenants": [], "next": None, "feed_epoch": "e", "latest_seq": "many"},
        {"tenants": "none", "next": None, "feed_epoch": "e", "latest_seq": 1},
    ],
)
def test_an_unreadable_list_of_tenants_costs_a_pause_and_not_the_consumers_right(running, edge, monkeypatch, answer):
    monkeypatch.setattr(feed, "PAUSE_SECONDS", 0)
    edge.feed_epoch = "epoch-2"
    edge.fail_next("GET /v1/tenants", httpx.Response(200, json=answer))
    looks = iter([True, False])
    monkeypatch.setattr(feed, "renew", lambda *_: next(looks))
    assert feed.consume("lo")
    assert Cell.objects.get().feed_epoch == "epoch-1"
    assert Cell.objects.get().feed_lease_until is None


def test_a_consumer_that_trips_over_a_fault_gives_its_right_back(running, monkeypatch):
    monkeypatch.setattr(feed, "read_once", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        feed.consume("lo")
    assert feed.claim_feed("lo") is not None

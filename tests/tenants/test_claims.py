"""Claims under competition: exactly one worker has a tenant, and a dead worker's tenant is taken up again."""

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from controlplane import rls
from organizations.models import Organization, User
from tenants.provisioning import actions, claims, feed
from tests.cast import actor_for
from tests.tenants.conftest import fresh, make_due


def race(contenders: int, act: Callable[[], object]) -> list[object]:
    """What each of several threads got that acted at the same moment, each over its own connection."""
    start, results = threading.Barrier(contenders), []

    def run() -> None:
        try:
            start.wait()
            results.append(act())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_of_workers_that_race_for_a_tenant_exactly_one_gets_it(tenant):
    won = [claim for claim in race(8, lambda: claims.claim_tenant(tenant.pk)) if claim is not None]
    assert len(won) == 1
    assert fresh(tenant).lease_owner == won[0].owner


@pytest.mark.django_db(transaction=True)
def test_of_consumers_that_race_for_a_cell_exactly_one_gets_it(cell):
    won = [owner for owner in race(8, lambda: feed.claim_feed("lo")) if owner is not None]
    assert len(won) == 1


@pytest.mark.django_db
def test_a_claimed_tenant_is_not_due_until_its_lease_ends(tenant):
    assert claims.due_tenants(10) == [tenant.pk]
    assert claims.claim_tenant(tenant.pk) is not None
    assert claims.due_tenants(10) == []
    assert claims.claim_tenant(tenant.pk) is None
    make_due(tenant, lease_until=timezone.now() - dt.timedelta(milliseconds=1))
    assert claims.due_tenants(10) == [tenant.pk]
    assert claims.claim_tenant(tenant.pk) is not None


@pytest.mark.django_db
def test_the_longest_waiting_come_first_and_no_more_than_asked_for(new_tenant):
    ids = [new_tenant(f"Site {number}")[0].pk for number in range(3)]
    assert claims.due_tenants(2) == ids[:2]


@pytest.mark.django_db
def test_organizations_take_turns_however_many_tenants_of_one_are_due(new_tenant, rival, mallory):
    ids = [new_tenant(f"Site {number}")[0].pk for number in range(3)]
    theirs = rival_tenant(rival, mallory)
    assert claims.due_tenants(10) == [ids[0], theirs, ids[1], ids[2]]


@pytest.mark.django_db
def test_what_is_being_worked_on_counts_as_turns_taken(new_tenant, rival, mallory):
    ids = [new_tenant(f"Site {number}")[0].pk for number in range(3)]
    theirs = rival_tenant(rival, mallory)
    # Where the edge hangs, an organization's longest waiting would else be first with every sweep.
    claims.claim_tenant(ids[0])
    assert claims.due_tenants(1) == [theirs]


@pytest.mark.django_db
def test_a_deleted_tenant_is_neither_due_nor_claimed(tenant):
    make_due(tenant, deleted_at=timezone.now())
    assert claims.due_tenants(10) == []
    assert claims.claim_tenant(tenant.pk) is None


def rival_tenant(rival: Organization, mallory: User) -> str:
    actor = actor_for(mallory)
    with rls.acting_as(actor.rls_actor):
        return actions.create(by=actor, organization=rival, name="Theirs")[0].pk

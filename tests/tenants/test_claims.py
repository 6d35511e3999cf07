"""Claims under competition: exactly one worker has a tenant, and a dead worker's tenant is taken up again."""

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from tenants.provisioning import claims, feed
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
def test_a_deleted_tenant_can_not_be_claimed(tenant):
    make_due(tenant, deleted_at=timezone.now())
    assert claims.claim_tenant(tenant.pk) is None

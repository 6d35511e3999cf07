"""The pages on which people follow an operation: every step with state, duration and error, and the way on."""

import datetime as dt
import re

import pytest

from controlplane import rls
from tenants.provisioning.models import Operation, Step
from tenants.provisioning.reconciler import reconcile
from tests.cast import session_of
from tests.tenants.conftest import operation_of, read_feed

pytestmark = pytest.mark.django_db


def text_of(page: str) -> str:
    """The page's words without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def lasting(operation: Operation, name: str, seconds: int) -> None:
    """Let a step have taken so long."""
    with rls.acting_as(f"org:{operation.organization_id}"):
        step = Step.objects.get(operation=operation, name=name)
        Step.objects.filter(pk=step.pk).update(finished_at=step.started_at + dt.timedelta(seconds=seconds))


def test_each_step_shows_its_state_and_how_long_it_took_and_the_page_follows_by_itself(tenant, edge, alice):
    reconcile(tenant.pk)
    edge.progress(tenant.pk, "manager")
    read_feed()
    operation = operation_of(tenant)
    lasting(operation, "indexer", 83)
    browser = session_of(alice)
    shown = text_of(browser.get(f"/t/{tenant.pk}/operations/{operation.pk}/").content.decode())
    assert re.search(r"Indexer [^0-9]*01:23", shown)
    assert "Manager, running" in shown
    assert shown.count("queued") == 2
    overview = browser.get(f"/t/{tenant.pk}/").content.decode()
    assert f'hx-get="/t/{tenant.pk}/live/' in overview
    assert 'hx-trigger="every 2s"' in overview


def test_a_step_that_failed_shows_why_and_the_retry_that_goes_on_from_it(tenant, edge, alice):
    reconcile(tenant.pk)
    edge.break_run(tenant.pk, "indexer")
    read_feed()
    operation = operation_of(tenant)
    shown = text_of(session_of(alice).get(f"/t/{tenant.pk}/operations/{operation.pk}/").content.decode())
    assert "Indexer, failed" in shown
    assert "The node exits." in shown
    assert "Retry from indexer" in shown

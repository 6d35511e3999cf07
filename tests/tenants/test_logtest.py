"""One line of a log is tried at a tenant's running manager, and kept nowhere."""

import httpx
import pytest

from controlplane.models import AuditEntry
from tests.cast import session_of
from tests.database import all_rows

pytestmark = pytest.mark.django_db


def test_an_event_is_tried_at_the_manager_and_kept_nowhere(api, running, edge):
    body = {"event": "sshd[1]: Failed password", "location": "/var/log/auth.log"}
    answer = api.post(f"tenants/{running.pk}/logtest", body).json()
    assert (answer["alert"], answer["output"]["rule"]["id"]) == (True, "5710")
    assert edge.tried == [{**body, "log_format": "syslog"}]
    with all_rows():
        assert not AuditEntry.objects.filter(data__icontains="Failed password").exists()


def test_a_tenant_that_rests_can_not_try_it(api, tenant):
    refused = api.post(f"tenants/{tenant.pk}/logtest", {"event": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_POSSIBLE_NOW")


def test_an_event_too_large_for_a_manager_is_not_sent(api, running, edge):
    assert api.post(f"tenants/{running.pk}/logtest", {"event": "ü" * 40_000}).status_code == 422
    assert edge.tried == []


def test_the_page_shows_decoder_rule_and_level(alice, running, edge):
    page = session_of(alice).post(f"/t/{running.pk}/logtest/", {"event": "sshd x", "log_format": "syslog"})
    text = page.content.decode()
    assert all(each in text for each in ("5710", "sshd: no such user", "Would raise an alert", "192.0.2.7"))


def test_an_edge_that_is_away_is_said_on_the_page(alice, running, edge):
    edge.fail_next("/logtest", httpx.ConnectError("away"))
    page = session_of(alice).post(f"/t/{running.pk}/logtest/", {"event": "sshd x", "log_format": "syslog"})
    assert (page.status_code, "The edge can&#x27;t be reached" in page.content.decode()) == (200, True)

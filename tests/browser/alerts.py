"""What the agents on the pages report."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from controlplane import rls
from fleet.alerts import actions, cursors, reading, suppressions
from fleet.alerts.models import Alert
from fleet.routing import actions as routing
from fleet.routing.models import Notice
from organizations.models import Organization, User
from tenants.provisioning import mirror
from tenants.provisioning.models import Tenant
from tests.browser.edge import LivelyEdge
from tests.cast import actor_for
from tests.database import all_rows

ALERTS = (
    (5, "sshd: Attempt to login using a non-existent user", "5710", ["T1110.001"]),
    (5, "sshd: authentication failed.", "5760", ["T1110.001"]),
    (3, "PAM: Login session opened.", "5501", ["T1078"]),
    (10, "sshd: brute force trying to get access to the system.", "5763", ["T1110"]),
    (7, "Integrity checksum changed.", "550", ["T1565.001"]),
    (12, "Multiple authentication failures followed by a success.", "40112", ["T1078", "T1110"]),
)


def alerts_of_agents() -> list[dict[str, Any]]:
    """Thirty events, one every seven seconds until now."""
    now = dt.datetime.now(dt.UTC)
    names = ("wms-01", "edi-02", "sftp-01", "track-web-02")
    found = []
    for seq in range(1, 31):
        level, words, rule, techniques = ALERTS[seq % len(ALERTS)]
        at = now - dt.timedelta(seconds=7 * (31 - seq))
        data = {
            "rule": {"level": level, "description": words, "id": rule, "mitre": {"id": techniques}},
            "agent": {"id": f"00{seq % 4 + 1}", "name": names[seq % 4]},
        }
        found.append({"seq": seq, "at": at.isoformat().replace("+00:00", "Z"), "kind": "alert", "data": data})
    return found


COMING = (
    ("Alder production", "31151", 10, 412, "Multiple web server 400 error codes from same source ip."),
    ("Alder production", "87105", 15, 1, "VirusTotal: 54 engines detected this file"),
    ("Fenwick production", "554", 7, 3, "File added to the system."),
)


def add_alerts(
    edge: LivelyEdge, tenants: Mapping[str, Tenant], paula: User, msp: Organization, acme: Organization
) -> dict[str, Alert]:
    """What the inbox has read of three clients' streams, in every state; alerts by rule."""
    for name, rule, level, times, title in COMING:
        edge.alert(tenants[name].pk, rule=rule, level=level, times=times, title=title, ago=900)
    for name in ("Production", "Alder production", "Fenwick production"):
        _read(tenants[name])
    with all_rows():
        found = {alert.rule_id: alert for alert in Alert.objects.all()}
    by, ends_at = actor_for(paula), timezone.now() + dt.timedelta(days=30)
    with rls.acting_as(by.rls_actor):
        handled: dict[str, Any] = {"by": by, "organization": msp, "alert_ids": [found["40112"].pk]}
        actions.handle(act="assign", assignee=paula.pk, **handled)
        actions.handle(act="acknowledge", note="Somebody got in: asked their administrator", **handled)
        terms: dict[str, Any] = {"by": by, "rule_id": "550", "reason": "Patches are rolled out", "ends_at": ends_at}
        suppressions.suppress(organization=acme, tenant=tenants["Production"], **terms)
        pager = {"kind": "pagerduty", "name": "Night pager", "settings": {"region": "eu"}, "secret": "R0UT1NGKEY"}
        destination = routing.add_destination(by=by, organization=msp, **pager)
        routing.add_route(by=by, organization=msp, destination=destination, severity="high", clients=[acme.pk])
        failed = routing.try_destination(by=by, destination=destination)
        routing.try_destination(by=by, destination=destination)
    with all_rows():
        Notice.objects.filter(pk=failed.pk).update(state="failed", next_attempt_at=None, last_error="It answered 400.")
    return found


def _read(tenant: Tenant) -> None:
    with rls.acting_as(f"org:{tenant.organization_id}"):
        cursors.make_due(mirror.locked(tenant.pk))
    reading.read(tenant.organization_id, tenant.pk)

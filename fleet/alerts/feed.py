"""What the edge's feed tells of alerts: how far they have come. The alerts themselves are read from the stream."""

from collections.abc import Iterator

from controlplane.celery import wake_on_commit
from controlplane.rls import acting_as
from fleet.alerts import cursors, standing
from fleet.alerts.severity import LEVELS, Severity
from fleet.alerts.tasks import read_alerts
from tenants.provisioning import mirror
from tenants.provisioning.changes import Change
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.feed import handles
from tenants.provisioning.models import Tenant
from tenants.provisioning.reconciler import REFRESHERS
from tenants.provisioning.wakeups import BULK, INTERACTIVE


@handles("alerts")
def note_mark(tenant: Tenant, change: Change) -> None:
    """Alerts that somebody should look at have come up to a number: have them read. Grave ones wait behind nothing."""
    cursors.make_due(tenant)
    is_grave = int(change.data["highest"]) >= LEVELS[Severity.HIGH]
    wake_on_commit(read_alerts, tenant.organization_id, tenant.pk, queue=INTERACTIVE if is_grave else BULK)


@mirror.watches
def look_at_causes(tenant: Tenant) -> None:
    """What is known of a tenant has changed: raise alerts for what is wrong, and close those of what is over."""
    cursors.ensure(tenant)
    standing.look(tenant)


@handles("agent_silence")
def look_at_silence(tenant: Tenant, change: Change) -> None:
    """The edge told of agents alone, which are mirrored by now."""
    look_at_causes(tenant)


def refresh(tenant: Tenant, edge: EdgeApi) -> Iterator[None]:
    """The feed was read anew, and may have lost a mark: have the stream looked at."""
    with acting_as(f"org:{tenant.organization_id}"):
        cursors.make_due(mirror.locked(tenant.pk))
    yield


REFRESHERS.append(refresh)

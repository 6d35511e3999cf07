"""Trying one event at a tenant's running manager: which decoder reads it, which rule matches, whether it alerts."""

from typing import Any

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Invalid
from controlplane.transactions import let_go
from organizations import access
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Tenant
from tenants.provisioning.problems import NotPossibleNow, problem_of

LARGEST_EVENT = 65_535
"""Bytes, as a manager takes one event at most."""
FORMATS = ("syslog", "json", "snort-full", "squid", "eventlog", "eventchannel", "audit", "apache", "iis", "nmapg")
DEFAULT_LOCATION = "logtest"


def try_event(
    *, by: Actor, tenant: Tenant, event: str, log_format: str = "syslog", location: str = DEFAULT_LOCATION
) -> dict[str, Any]:
    """
    What the manager makes of an event with the rules that it runs: `alert`, `output`, `messages`.

    The event is kept nowhere, no alert comes of it, and rules that count see none of its neighbours. Raises
    NotPossibleNow for a tenant that does not run, EdgeNotAvailable, EdgeSaysNo.
    """
    with rls.reading_as(by.rls_actor):
        access.require(by, "tenant.operate", tenant.organization_id)
        if tenant.status not in ("running", "attention"):
            raise NotPossibleNow("Events are tried at a manager that runs.", "Start the tenant and wait until it runs.")
        edge = EdgeApi(tenant.cell)
    if len(event.encode()) > LARGEST_EVENT:
        raise Invalid(f"An event has at most {LARGEST_EVENT} bytes. Nothing was tried.", field="event")
    let_go()
    try:
        return edge.logtest(tenant.pk, {"event": event, "log_format": log_format, "location": location})
    except EdgeError as error:
        raise problem_of(error) from error

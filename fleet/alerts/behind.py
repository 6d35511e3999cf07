"""The newest alerts of a tenant's stream that one row of the inbox stands for, read from the edge when asked for."""

from dataclasses import dataclass
from typing import Any

from controlplane.actor import Actor
from controlplane.problems import Problem
from controlplane.rls import reading_as
from fleet.alerts.models import Alert
from organizations import access
from tenants.access.queries import event_log
from tenants.provisioning import queries as tenants


@dataclass(frozen=True)
class Behind:
    """
    Digests, the newest first.

    `missing` are numbers that have left the log by their age; `problem` says why not everything could be read.
    """

    events: list[dict[str, Any]]
    missing: list[int]
    problem: Problem | None = None


def digests_of(actor: Actor, alert: Alert) -> Behind:
    """
    Read them as the asker, who has found the alert. Asks the edge, so it belongs outside any transaction.

    Raises Forbidden for whoever may not read events.
    """
    with reading_as(actor.rls_actor):
        working = access.working_in(actor, alert.organization_id)
        log = event_log(working, tenants.find(working, alert.tenant_id))
    events: list[dict[str, Any]] = []
    missing: list[int] = []
    for seq in reversed(alert.recent):
        try:
            found = log.read(after=seq - 1, limit=1, kinds=("alert",))["events"]
        except Problem as problem:
            return Behind(events, missing, problem)
        if found and found[0]["seq"] == seq:
            events.append(found[0])
        else:
            missing.append(seq)
    return Behind(events, missing)

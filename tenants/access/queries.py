"""Reads of access. Every one takes who is asking."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.transactions import let_go
from organizations import access
from tenants.access.actions import scoped_token
from tenants.access.models import Revocation
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.models import Tenant
from tenants.provisioning.problems import problem_of

ONE_LOOK = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class EventLog:
    """
    A tenant's event log as somebody may read it for one minute.

    Who may do so is settled when it is made. Reading asks the edge and no row, so it belongs outside any transaction.
    """

    edge: EdgeApi
    bearer: str

    def read(
        self,
        *,
        after: int = 0,
        limit: int = 100,
        kinds: Collection[str] = (),
        min_level: int | None = None,
        agent: str | None = None,
    ) -> dict[str, Any]:
        """
        A stretch of the log: `events` (each with seq, at, kind, data), `next`, `more`, `oldest` and `latest`.

        Args:
            after: the sequence number after which to begin.
            limit: how many events at most.
            kinds: only these; `next` moves past the others.
            min_level, agent: of alerts only those of at least this rule level, or of the agent with this number.

        Raises EdgeNotAvailable while the edge does not answer.
        """
        let_go()
        try:
            return self.edge.events(
                bearer=self.bearer, after=after, limit=limit, kinds=tuple(kinds), min_level=min_level, agent=agent
            )
        except EdgeError as error:
            raise problem_of(error) from error


def event_log(actor: Actor, tenant: Tenant) -> EventLog:
    """The event log of one tenant."""
    standing = access.require(actor, "events.read", tenant.organization_id)
    return EventLog(EdgeApi(tenant.cell), scoped_token(actor, tenant, standing, timezone.now() + ONE_LOOK))


def revocations_of(actor: Actor, tenant: Tenant) -> QuerySet[Revocation]:
    """Access to a tenant that was ended, the newest first, each with whether the edge has confirmed it."""
    access.require(actor, "tenant.view", tenant.organization_id)
    return Revocation.objects.filter(tenant=tenant)


def pending_revocations(actor: Actor, tenant: Tenant) -> QuerySet[Revocation]:
    """Ended access that the edge has yet to confirm."""
    return revocations_of(actor, tenant).filter(acknowledged_at__isnull=True)

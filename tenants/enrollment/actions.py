"""Every change that people make to agents."""

from django.db import transaction
from django.utils import timezone

from controlplane import outbox
from controlplane.actor import Actor
from organizations import access
from organizations.actions import trail
from tenants.enrollment import limits
from tenants.enrollment.models import Agent

QUARANTINE_ASKED = "tenants.agent.quarantine_asked"


@transaction.atomic
def quarantine(*, by: Actor, agent: Agent, reason: str) -> Agent:
    """Cut an agent off: the edge closes its connections and refuses its credential. There is no way back for it."""
    standing = access.require(by, "agent.quarantine", agent.organization_id)
    limits.check_reason(reason)
    news = {"quarantine_asked_at": timezone.now(), "quarantine_reason": reason}
    if Agent.objects.filter(pk=agent.pk, quarantine_asked_at__isnull=True).update(**news):
        agent.refresh_from_db()
        trail.record(
            by,
            standing,
            "tenants.agent.quarantine",
            agent.pk,
            tenant=agent.tenant_id,
            agent=agent.number,
            name=agent.name,
            reason=reason,
        )
        outbox.publish(
            QUARANTINE_ASKED, key=agent.pk, organization_id=agent.organization_id, payload={"agent": agent.pk}
        )
    return agent

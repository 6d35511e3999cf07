"""Raises an alert for each thing that is wrong with a tenant, and closes it by itself once that is over."""

from django.utils import timezone

from fleet.alerts import facts
from fleet.alerts.causes import NAMED, Cause, Silence, causes_of, unknown_kinds
from fleet.alerts.models import Alert, AlertEntry
from fleet.alerts.severity import LEVELS
from tenants.enrollment.models import Agent
from tenants.provisioning.kinds import READING
from tenants.provisioning.models import Operation, Tenant

LONGEST_TITLE = 300
SETTLE = "settle"
"""What stands in an alert's history once its cause is over."""


def look(tenant: Tenant) -> None:
    """
    Part of a transaction under the tenant's lock: have exactly the causes of now stand as alerts.

    Level-triggered: it goes by what is known of the tenant, so that it may be called at any time and any number of
    times. An alert that somebody closed while its cause goes on stays closed, and is not raised anew for it. What can't
    be told now is left as it is.
    """
    newest = Operation.objects.filter(tenant=tenant).exclude(kind__in=READING).order_by("-created_at", "-id").first()
    found = {(each.kind, each.key): each for each in causes_of(tenant, _silence(tenant), newest, timezone.now())}
    rows = Alert.objects.select_for_update(of=("self",)).filter(tenant=tenant, stands=True).order_by("pk")
    standing, unknown = {(alert.kind, alert.key): alert for alert in rows}, unknown_kinds(tenant)
    for which, alert in standing.items():
        if which in found:
            _describe(alert, found[which])
        elif alert.kind not in unknown:
            _settle(alert)
    for which, cause in found.items():
        if which not in standing:
            _raise(tenant, cause)


def _silence(tenant: Tenant) -> Silence:
    """`silent_at` alone may be older than what was heard since; without it, the tenant's own threshold is not over."""
    agents = Agent.objects.filter(Agent.STATES["silent"], tenant=tenant, silent_at__isnull=False)
    return Silence(agents.count(), list(agents.order_by("number")[:NAMED]))


def _raise(tenant: Tenant, cause: Cause) -> None:
    now = timezone.now()
    alert = Alert.objects.create(
        organization_id=tenant.organization_id,
        tenant=tenant,
        kind=cause.kind,
        key=cause.key,
        stands=True,
        first_at=now,
        last_at=now,
        **_facts(cause),
    )
    facts.tell(facts.RAISED, [alert])


def _describe(alert: Alert, cause: Cause) -> None:
    """Tell it as it is now, where that has changed."""
    told = _facts(cause)
    changed = [name for name, value in told.items() if getattr(alert, name) != value]
    if changed:
        for name in changed:
            setattr(alert, name, told[name])
        alert.last_at = timezone.now()
        alert.save(update_fields=[*changed, "last_at"])
    if "severity" in changed and alert.state != Alert.State.CLOSED:
        facts.tell(facts.RAISED, [alert])


def _settle(alert: Alert) -> None:
    alert.stands = False
    if alert.state != Alert.State.CLOSED:
        alert.state, alert.closed_at = Alert.State.CLOSED, timezone.now()
        AlertEntry.objects.create(organization_id=alert.organization_id, alert=alert, what=SETTLE)
        facts.tell(facts.CLOSED, [alert])
    alert.save(update_fields=["stands", "state", "closed_at"])


def _facts(cause: Cause) -> dict[str, object]:
    return {
        "title": cause.title[:LONGEST_TITLE],
        "severity": cause.severity,
        "level": LEVELS[cause.severity],
        "agent_id": cause.agent_id,
        "agent_name": cause.agent_name,
    }

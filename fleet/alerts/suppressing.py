"""Which suppressions hold for alerts, and which alerts they hide."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from controlplane import rls
from fleet.alerts import facts
from fleet.alerts.models import Alert, Suppression
from organizations.models import Grant
from organizations.permissions import roles_with
from organizations.standings import current
from tenants.provisioning.models import Tenant

CEILINGS = roles_with("alert.handle")
"""Of a grant under which an MSP's suppressions hold in a client: it may handle the client's alerts anyway."""

HIDDEN = ("suppressed_by", "suppressed_until")
"""What of an alert says that it is hidden."""


@dataclass(frozen=True)
class Hiding:
    """A suppression in force, as far as it says what it hides."""

    id: str
    rule_id: str
    agent_id: str
    tenant_id: str | None
    ends_at: dt.datetime

    def hides(self, alert: Alert) -> bool:
        """Whether an alert is not to be shown."""
        fits = self.rule_id == alert.rule_id and self.tenant_id in (None, alert.tenant_id)
        return fits and self.agent_id in ("", alert.agent_id)


def in_force(organization_id: str) -> list[Hiding]:
    """
    What is hidden in an organization: by its own suppressions, and by those of its providers.

    Row-level security shows a client nothing of its provider, so a narrow function answers this one question.
    """
    rows: list[dict[str, Any]] = rls.call(
        "alert_suppressions_in_force", organization_id, otherwise=lambda: _in_force(organization_id)
    )
    return [Hiding(**row) for row in rows]


def hide(alerts: Iterable[Alert], hidings: Collection[Hiding]) -> list[Alert]:
    """
    Have each alert hidden by what hides it the longest, and shown where nothing does. The caller saves `HIDDEN`.

    Returns those that were hidden, are shown again and are still open: whoever is told of alerts has not heard of them.
    """
    shown = []
    for alert in alerts:
        fitting = (each for each in hidings if each.hides(alert))
        before = alert.suppressed_by
        hiding = max(fitting, key=lambda each: each.ends_at, default=None)
        alert.suppressed_by = hiding.id if hiding else ""
        alert.suppressed_until = hiding.ends_at if hiding else None
        if before and hiding is None and alert.state == Alert.State.OPEN:
            shown.append(alert)
    return shown


def hide_anew(alerts: Iterable[Alert]) -> None:
    """Part of a transaction that holds the alerts, of any organizations: hide and show them by what is in force now."""
    for organization_id, some in facts.by_organization(alerts).items():
        before = {alert.pk: _hidden(alert) for alert in some}
        shown = hide(some, in_force(organization_id))
        changed = [alert for alert in some if _hidden(alert) != before[alert.pk]]
        Alert.objects.bulk_update(changed, HIDDEN, batch_size=500)
        facts.tell(facts.RAISED, shown)


def look(tenant: Tenant) -> None:
    """Part of a transaction under the tenant's lock, by the clock: show what no suppression hides any more."""
    hidden = Alert.objects.filter(tenant=tenant, state__in=Alert.TO_DO).exclude(suppressed_by="")
    few = hidden.defer("recent", "groups", "techniques", "tactics")
    hide_anew(few.select_for_update(of=("self",)).order_by("pk"))


def _hidden(alert: Alert) -> tuple[str, dt.datetime | None]:
    return alert.suppressed_by, alert.suppressed_until


def reach_of(suppression: Suppression) -> Q:
    """The condition on alerts that a suppression hides, if all organizations were asked."""
    fits = Q(rule_id=suppression.rule_id)
    if suppression.agent_id:
        fits &= Q(agent_id=suppression.agent_id)
    if suppression.tenant_id:
        return fits & Q(tenant=suppression.tenant_id)
    return fits & Q(organization__in=[suppression.organization_id, *_clients_of(suppression.organization_id)])


def _clients_of(organization_id: str) -> list[str]:
    held = Grant.objects.filter(current(), msp_id=organization_id, role_ceiling__in=CEILINGS)
    return list(held.values_list("client_id", flat=True))


def _in_force(organization_id: str) -> list[dict[str, Any]]:
    """What `alert_suppressions_in_force` answers, where no row-level security stands in the way."""
    msps = Grant.objects.filter(current(), client_id=organization_id, role_ceiling__in=CEILINGS).values("msp_id")
    found = Suppression.objects.filter(
        Q(organization=organization_id) | Q(organization__in=msps), ended_at=None, ends_at__gt=timezone.now()
    )
    return [dict(row) for row in found.values("id", "rule_id", "agent_id", "tenant_id", "ends_at")]

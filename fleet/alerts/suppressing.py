"""Which suppressions hold for a tenant's alerts, and what they say of one."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils import timezone

from controlplane import rls
from fleet.alerts.models import Suppression
from organizations.models import Grant
from organizations.permissions import ROLES
from organizations.standings import current

CEILINGS = sorted(role for role, permissions in ROLES.items() if "alert.handle" in permissions)
"""Of a grant under which an MSP's suppressions hold in a client: it may handle the client's alerts anyway."""


@dataclass(frozen=True)
class Hiding:
    """A suppression in force, as far as it says what it hides."""

    id: str
    kind: str
    rule_id: str
    agent_id: str
    tenant_id: str | None
    ends_at: dt.datetime

    def hides(self, kind: str, rule_id: str, agent_id: str, tenant_id: str) -> bool:
        """Whether an alert is not to be shown."""
        fits = self.kind == kind and self.rule_id == rule_id
        return fits and self.tenant_id in (None, tenant_id) and self.agent_id in ("", agent_id)


def in_force(organization_id: str) -> list[Hiding]:
    """
    What is hidden in an organization: by its own suppressions, and by those of its providers.

    Row-level security shows a client nothing of its provider, so a narrow function answers this one question.
    """
    rows: list[dict[str, Any]] = rls.call(
        "alert_suppressions_in_force", organization_id, otherwise=lambda: _in_force(organization_id)
    )
    return [Hiding(**row) for row in rows]


def hidden_by(hidings: Iterable[Hiding], kind: str, rule_id: str, agent_id: str, tenant_id: str) -> Hiding | None:
    """The suppression that hides an alert the longest; None where none does."""
    fitting = (each for each in hidings if each.hides(kind, rule_id, agent_id, tenant_id))
    return max(fitting, key=lambda each: each.ends_at, default=None)


def reach_of(suppression: Suppression) -> Q:
    """The condition on alerts that a suppression hides, if all organizations were asked."""
    fits = Q(kind=suppression.kind, rule_id=suppression.rule_id)
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
    return [dict(row) for row in found.values("id", "kind", "rule_id", "agent_id", "tenant_id", "ends_at")]

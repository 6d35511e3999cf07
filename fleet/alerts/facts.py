"""What others are told of alerts, by the outbox: some of one organization at once, by their ids."""

from collections.abc import Collection, Iterable

from controlplane import outbox
from controlplane.ids import new_id
from fleet.alerts.models import Alert

RAISED = "fleet.alert.raised"
"""Raised, or graver than before."""

ACKNOWLEDGED = "fleet.alert.acknowledged"
CLOSED = "fleet.alert.closed"


def tell(topic: str, alerts: Collection[Alert]) -> None:
    """Part of the transaction in which it became true. Args: alerts: of one organization; suppressed ones go untold."""
    told = [alert for alert in alerts if not alert.is_suppressed]
    if told:
        payload = {"alerts": [alert.pk for alert in told]}
        outbox.publish(topic, key=new_id("fact"), organization_id=told[0].organization_id, payload=payload)


def by_organization(alerts: Iterable[Alert]) -> dict[str, list[Alert]]:
    """Alerts as `tell` takes them: those of each organization."""
    of: dict[str, list[Alert]] = {}
    for alert in alerts:
        of.setdefault(alert.organization_id, []).append(alert)
    return of

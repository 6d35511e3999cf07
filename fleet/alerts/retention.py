"""How long the inbox keeps alerts. What was done with them stays in the audit trail."""

import datetime as dt
from typing import Any

from django.utils import timezone

from controlplane import rls
from fleet.alerts.models import Alert, Suppression

KEPT = dt.timedelta(days=90)
"""After an alert came last, and after a suppression ended. The SQL function of Postgres is told the same moment."""

AT_ONCE = 5000


def forget() -> None:
    """Remove old alerts with their history, and suppressions that ended long ago, some thousands a transaction."""
    while _forget_some(timezone.now() - KEPT) == AT_ONCE:
        pass


def _forget_some(before: dt.datetime) -> int:
    with rls.acting_as(""):
        rows: list[dict[str, Any]] = rls.call(
            "forget_old_alerts", before, AT_ONCE, otherwise=lambda: _forget_on_sqlite(before)
        )
    return int(rows[0]["removed"])


def _forget_on_sqlite(before: dt.datetime) -> list[dict[str, int]]:
    Suppression.objects.filter(ends_at__lt=before).delete()
    old = list(Alert.objects.filter(last_at__lt=before).order_by("last_at").values_list("pk", flat=True)[:AT_ONCE])
    Alert.objects.filter(pk__in=old).delete()
    return [{"removed": len(old)}]

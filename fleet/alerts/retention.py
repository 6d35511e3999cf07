"""How long the inbox keeps alerts. What was done with them stays in the audit trail."""

import datetime as dt

from django.utils import timezone

from controlplane.retention import forget_in_turns
from fleet.alerts.models import Alert, Suppression

KEPT = dt.timedelta(days=90)
"""After an alert came last, unless its cause stands, and after a suppression ended."""


def forget() -> None:
    """Remove old alerts with their history, and suppressions that ended long ago."""
    forget_in_turns("forget_old_alerts", timezone.now() - KEPT, otherwise=_forget_on_sqlite)


def _forget_on_sqlite(before: dt.datetime, most: int) -> int:
    Suppression.objects.filter(ends_at__lt=before).delete()
    rows = Alert.objects.filter(last_at__lt=before, stands=False).order_by("last_at")
    old = list(rows.values_list("pk", flat=True)[:most])
    Alert.objects.filter(pk__in=old).delete()
    return len(old)

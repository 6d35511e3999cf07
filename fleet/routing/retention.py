"""How long the log of notices is kept."""

import datetime as dt

from django.utils import timezone

from controlplane.retention import forget_in_turns
from fleet.alerts.models import Alert
from fleet.routing.models import Notice

KEPT = dt.timedelta(days=90)
"""Longer where its alert is yet to be closed: what was told of that, and whom its end is told, is known by it."""


def forget() -> None:
    """Remove notices that are over and old."""
    forget_in_turns("forget_old_notices", timezone.now() - KEPT, otherwise=_forget_on_sqlite)


def _forget_on_sqlite(before: dt.datetime, most: int) -> int:
    to_do = Alert.objects.filter(state__in=Alert.TO_DO).values("pk")
    over = Notice.objects.filter(created_at__lt=before, next_attempt_at=None).exclude(alert_id__in=to_do)
    old = list(over.order_by("created_at").values_list("pk", flat=True)[:most])
    Notice.objects.filter(pk__in=old).delete()
    return len(old)

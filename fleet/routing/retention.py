"""How long the log of notices is kept."""

import datetime as dt
from typing import Any

from django.utils import timezone

from controlplane import rls
from fleet.routing.models import Notice

KEPT = dt.timedelta(days=90)
"""As long as alerts are: a younger alert is told once, and that it was is known by its notice."""

AT_ONCE = 5000


def forget() -> None:
    """Remove notices that are over and old, some thousands a transaction."""
    while _forget_some(timezone.now() - KEPT) == AT_ONCE:
        pass


def _forget_some(before: dt.datetime) -> int:
    with rls.acting_as(""):
        rows: list[dict[str, Any]] = rls.call(
            "forget_old_notices", before, AT_ONCE, otherwise=lambda: _forget_on_sqlite(before)
        )
    return int(rows[0]["removed"])


def _forget_on_sqlite(before: dt.datetime) -> list[dict[str, int]]:
    rows = Notice.objects.filter(created_at__lt=before, next_attempt_at=None).order_by("created_at")
    old = list(rows.values_list("pk", flat=True)[:AT_ONCE])
    Notice.objects.filter(pk__in=old).delete()
    return [{"removed": len(old)}]

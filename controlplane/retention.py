"""How long working rows are kept. Audit entries are not among them: they stay."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from controlplane import rls
from controlplane.models import Delivery, Mail, Message, RememberedAnswer

ANSWERS_KEPT = timedelta(hours=24)
FACTS_KEPT = timedelta(days=30)
AT_ONCE = 5000
"""Rows that one transaction of `forget_in_turns` removes."""


def forget_old_rows() -> None:
    """Removes ended sessions, remembered answers after a day, delivered facts and ended mails after a month."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    with rls.acting_as(""):
        rls.call("forget_old_rows", now - ANSWERS_KEPT, now - FACTS_KEPT, otherwise=lambda: _forget_on_sqlite(now))
        rls.call("forget_old_mails", now - FACTS_KEPT, otherwise=lambda: _forget_mails_on_sqlite(now - FACTS_KEPT))


def forget_in_turns(function: str, before: datetime, *, otherwise: Callable[[datetime, int], int]) -> None:
    """Removes rows of a room from before a moment, some thousands a transaction.

    Args:
        function: a narrow function that takes the moment and the most rows, and answers how many it `removed`.
        otherwise: does and returns the same on SQLite.
    """
    while _forget_some(function, before, otherwise) == AT_ONCE:
        pass


def _forget_some(function: str, before: datetime, otherwise: Callable[[datetime, int], int]) -> int:
    with rls.acting_as(""):
        rows = rls.call(function, before, AT_ONCE, otherwise=lambda: [{"removed": otherwise(before, AT_ONCE)}])
    return int(rows[0]["removed"])


def _forget_on_sqlite(now: datetime) -> None:
    RememberedAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT).delete()
    undelivered = Delivery.objects.filter(delivered_at__isnull=True).values("message_id")
    Message.objects.filter(created_at__lt=now - FACTS_KEPT).exclude(pk__in=undelivered).delete()


def _forget_mails_on_sqlite(before: datetime) -> None:
    Mail.objects.filter(ended_at__lt=before).delete()

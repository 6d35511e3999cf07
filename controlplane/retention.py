"""How long working rows are kept. Audit entries are not among them: they stay."""

from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from controlplane import rls
from controlplane.models import Delivery, Mail, Message, RememberedAnswer

ANSWERS_KEPT = timedelta(hours=24)
FACTS_KEPT = timedelta(days=30)


def forget_old_rows() -> None:
    """Removes ended sessions, remembered answers after a day, delivered facts and ended mails after a month."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    with rls.acting_as(""):
        rls.call("forget_old_rows", now - ANSWERS_KEPT, now - FACTS_KEPT, otherwise=lambda: _forget_on_sqlite(now))
        rls.call("forget_old_mails", now - FACTS_KEPT, otherwise=lambda: _forget_mails_on_sqlite(now - FACTS_KEPT))


def _forget_on_sqlite(now: datetime) -> None:
    RememberedAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT).delete()
    undelivered = Delivery.objects.filter(delivered_at__isnull=True).values("message_id")
    Message.objects.filter(created_at__lt=now - FACTS_KEPT).exclude(pk__in=undelivered).delete()


def _forget_mails_on_sqlite(before: datetime) -> None:
    Mail.objects.filter(ended_at__lt=before).delete()

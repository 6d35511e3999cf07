"""
Sends notices: each claimed by a conditional update that already sets when it is tried next.

A worker that dies loses nothing, and may send a notice twice, as every delivery over a network may: PagerDuty knows it
by its key, a webhook by its id.
"""

import datetime as dt
from typing import Any

import structlog
from django.db.models import F
from django.utils import timezone

from controlplane import mail, rls
from fleet.routing.addresses import is_ours
from fleet.routing.kinds import KINDS
from fleet.routing.models import Notice
from organizations.models import Organization
from organizations.sso import outgoing

log = structlog.get_logger(__name__)

PAUSES = tuple(dt.timedelta(seconds=seconds) for seconds in (30, 60, 300, 900, 3600, 10_800, 21_600))
"""After the first, second, … attempt that failed; after the last one it is given up."""

IN_ORDER = dt.timedelta(seconds=15)
"""How long one waits whose forerunner to the same destination, of the same alert, was not sent yet."""

BATCH = 200
AGAIN = frozenset({408, 425, 429})
ENDS = frozenset({Notice.What.ACKNOWLEDGED, Notice.What.CLOSED})
WHAT_IT_IS = "destination's address"
NEVER_RAISED = "It was not told that this was raised."
NOT_OURS = "The address is no member's any more, and in no domain that the organization has proven."


class NotTaken(Exception):
    """The destination did not take it. `again`: whether it may later. The message holds no address and no secret."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


def due() -> list[dict[str, str]]:
    """Notices to be sent now: `id` and `organization_id` of each, the longest waiting first."""
    now = timezone.now()
    return rls.call("alert_notices_due", now, BATCH, otherwise=lambda: _due(now))


def send(organization_id: str, notice_id: str) -> None:
    """Send one notice, if it is due and nobody else is at it."""
    actor = f"org:{organization_id}"
    with rls.acting_as(actor):
        notice = _claim(notice_id)
    if notice is None:
        return
    try:
        _hand_over(notice)
    except NotTaken as refusal:
        log.warning("notice_not_taken", notice=notice.pk, kind=notice.destination.kind, error=str(refusal))
        with rls.acting_as(actor):
            _postpone(notice, refusal)
    else:
        with rls.acting_as(actor):
            _settle(notice, Notice.State.SENT, "")


def _claim(notice_id: str) -> Notice | None:
    now = timezone.now()
    waiting = Notice.objects.filter(pk=notice_id, state=Notice.State.WAITING, next_attempt_at__lte=now)
    notice = waiting.select_related("destination").first()
    if notice is None:
        return None
    if notice.alert_id and _has_forerunner(notice):
        waiting.update(next_attempt_at=now + IN_ORDER)
        return None
    if notice.what in ENDS and not _was_raised(notice):
        _settle(notice, Notice.State.FAILED, NEVER_RAISED)
        return None
    pause = PAUSES[min(notice.attempts, len(PAUSES) - 1)]
    claimed = waiting.filter(attempts=notice.attempts).update(attempts=F("attempts") + 1, next_attempt_at=now + pause)
    notice.attempts += 1
    return notice if claimed else None


def _has_forerunner(notice: Notice) -> bool:
    """The attack on an incident: it is resolved before it was triggered, and then stands for ever."""
    same = Notice.objects.filter(destination=notice.destination_id, alert_id=notice.alert_id)
    return same.filter(state=Notice.State.WAITING, created_at__lt=notice.created_at).exists()


def _was_raised(notice: Notice) -> bool:
    """Whether its destination took that the alert was raised; of an alert without a beginning no end is told."""
    same = Notice.objects.filter(destination=notice.destination_id, alert_id=notice.alert_id)
    return same.filter(what=Notice.What.RAISED, state=Notice.State.SENT).exists()


def _hand_over(notice: Notice) -> None:
    destination = notice.destination
    if destination.removed_at is not None:
        raise NotTaken("The destination was removed.", again=False)
    build = KINDS[destination.kind].build
    if build is None:
        _mail(notice)
        return
    request = build(destination, notice.content)
    try:
        answer = outgoing.post_content(
            request.url, what=WHAT_IT_IS, content=request.body, headers=dict(request.headers)
        )
    except outgoing.OutgoingRefused as refusal:
        raise NotTaken(str(refusal), again=True) from refusal
    if not 200 <= answer.status < 300:
        raise NotTaken(f"It answered {answer.status}.", again=answer.status >= 500 or answer.status in AGAIN)


def _mail(notice: Notice) -> None:
    """By the portal's own mail, which is tried again by itself; to an address that is the organization's now."""
    organization_id, to = notice.organization_id, notice.destination.settings["to"]
    context: dict[str, Any] = {
        **notice.content,
        "title": mail.unlinked(str(notice.content["title"])),
        "client": mail.unlinked(str(notice.content["client"])),
        "tenant": mail.unlinked(str(notice.content["tenant"])),
        "agent": mail.unlinked(str(notice.content["agent"])),
        "organization_id": organization_id,
    }
    with rls.acting_as(f"org:{organization_id}"):
        if not is_ours(Organization.objects.get(pk=organization_id), to):
            raise NotTaken(NOT_OURS, again=False)
        mail.write(to=to, template="alert_notice", context=context, organization_id=organization_id)
        # With the mail or not at all, so that it is written once.
        _settle(notice, Notice.State.SENT, "")


def _postpone(notice: Notice, refusal: NotTaken) -> None:
    if not refusal.again or notice.attempts > len(PAUSES):
        _settle(notice, Notice.State.FAILED, str(refusal))
    else:
        Notice.objects.filter(pk=notice.pk).update(last_error=str(refusal)[:300])


def _settle(notice: Notice, state: Notice.State, error: str) -> None:
    sent_at = timezone.now() if state == Notice.State.SENT else None
    mine = Notice.objects.filter(pk=notice.pk, state=Notice.State.WAITING)
    mine.update(state=state, last_error=error[:300], next_attempt_at=None, sent_at=sent_at)


def _due(now: dt.datetime) -> list[dict[str, str]]:
    rows = Notice.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    found = rows.values_list("id", "organization_id")[:BATCH]
    return [{"id": id_, "organization_id": organization_id} for id_, organization_id in found]

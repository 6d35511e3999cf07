"""The transactional outbox: rooms publish facts, others subscribe by name and need no import to the right.

1. `publish` writes the fact and one delivery a subscriber in the publisher's transaction.
2. On commit a task is woken for each delivery; a sweep wakes what is due as well, so a lost message costs seconds, not
   the delivery. Each has a task of its own: one that waits for a system which hangs holds up no other.
3. A delivery is claimed by a conditional update that already sets when it is tried next: a worker that dies loses
   nothing.
4. The subscriber runs as the fact's organization; its changes and the mark "delivered" commit together.
5. A failure delays that one delivery, with backoff; every other goes on.

Delivery is at least once: what a subscriber does outside the database needs a key of its own (``message.id``).
"""

import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.db import connection
from django.db.models import F
from django.utils import timezone

from controlplane import rls
from controlplane.celery import wake_on_commit
from controlplane.models import Delivery, Message

log = structlog.get_logger(__name__)

type Subscriber = Callable[[Message], None]

LEASE = timedelta(minutes=1)
"""What a worker that is killed in the middle delays a delivery by. One that takes longer may be delivered twice."""
FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(minutes=10)
BATCH = 100

_subscribers: dict[str, dict[str, tuple[Subscriber, bool]]] = {}


def subscriber(*topics: str, in_transaction: bool = True) -> Callable[[Subscriber], Subscriber]:
    """Registers a function for topics. Register in a module that the room's ``AppConfig.ready`` imports.

    Args:
        topics: such as ``organizations.membership.ended``.
        in_transaction: False for a function that calls other systems: it then runs outside any transaction and opens
            ``acting_as`` itself where it needs rows.
    """

    def register(function: Subscriber) -> Subscriber:
        for topic in topics:
            _subscribers.setdefault(topic, {})[f"{function.__module__}.{function.__qualname__}"] = (
                function,
                in_transaction,
            )
        return function

    return register


def publish(topic: str, *, key: str, organization_id: str | None, payload: Mapping[str, Any]) -> None:
    """Publishes a fact in the caller's transaction.

    Args:
        topic: three parts, ``room.object.verb`` in the past tense.
        key: unique in the topic; publishing the same key again changes nothing.
        organization_id: whose fact it is; None for the platform's.
        payload: plain JSON without secrets.
    Raises: RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A fact is published in the transaction in which it becomes true.")
    owner = organization_id or rls.PLATFORM
    with rls.acting_as(rls.actor_of(owner)):
        request = structlog.contextvars.get_contextvars().get("request_id", "")
        message = Message(topic=topic, key=key, organization_id=owner, payload=dict(payload), request=request)
        Message.objects.bulk_create([message], ignore_conflicts=True)
        if not Message.objects.filter(pk=message.pk).exists():
            return
        now = timezone.now()
        deliveries = Delivery.objects.bulk_create(
            Delivery(message=message, organization_id=owner, subscriber=name, next_attempt_at=now)
            for name in _subscribers.get(topic, {})
        )
    from controlplane.tasks import deliver  # here, because the task calls what is below

    for delivery in deliveries:
        wake_on_commit(deliver, delivery.pk, owner)


def due(limit: int = BATCH) -> list[tuple[int, str]]:
    """Returns id and organization of the deliveries that are due, the longest waiting first."""
    rows = rls.call("outbox_due", limit, otherwise=lambda: _due_rows(limit))
    return [(row["id"], row["organization_id"]) for row in rows]


def deliver(delivery_id: int, organization_id: str) -> bool:
    """Delivers one fact to one subscriber if that is due; False if it is not, or if somebody else is at it.

    A forged organization finds nothing: the delivery is looked up as that organization.
    """
    actor = rls.actor_of(organization_id)
    delivery = _claim(delivery_id, actor)
    if delivery is None:
        return False
    with structlog.contextvars.bound_contextvars(**_context_of(delivery)):
        try:
            _run(delivery, actor)
        except Exception as error:
            # The boundary that keeps one bad row from stopping the rest: it is logged, kept and tried again.
            log.exception("delivery_failed", attempts=delivery.attempts)
            _postpone(delivery, actor, error)
    return True


def _context_of(delivery: Delivery) -> dict[str, str]:
    message = delivery.message
    # Whoever follows the request in which the fact happened finds what became of it.
    request = {"request_id": message.request} if message.request else {}
    return {"topic": message.topic, "subscriber": delivery.subscriber, **request}


def waiting(*organization_ids: str) -> int:
    """Returns how many deliveries of some organizations are not done: "pending at the edge" on their pages.

    Mails go out by the same way and concern no edge: what `controlplane` publishes for itself is not counted.
    """
    waiting = Delivery.objects.filter(organization_id__in=organization_ids, delivered_at__isnull=True)
    return waiting.exclude(message__topic__startswith="controlplane.").count()


def _due_rows(limit: int) -> list[dict[str, Any]]:
    due = Delivery.objects.filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")
    return [dict(row) for row in due.values("id", "organization_id")[:limit]]


def _claim(delivery_id: int, actor: str) -> Delivery | None:
    now = timezone.now()
    with rls.acting_as(actor):
        mine = Delivery.objects.filter(pk=delivery_id, organization_id=actor.removeprefix("org:"))
        claimed = mine.filter(next_attempt_at__lte=now).update(attempts=F("attempts") + 1, next_attempt_at=now + LEASE)
        return Delivery.objects.select_related("message").get(pk=delivery_id) if claimed else None


def _run(delivery: Delivery, actor: str) -> None:
    function, in_transaction = _subscribers[delivery.message.topic][delivery.subscriber]
    if not in_transaction:
        function(delivery.message)
    with rls.acting_as(actor):
        if in_transaction:
            function(delivery.message)
        Delivery.objects.filter(pk=delivery.pk).update(delivered_at=timezone.now(), next_attempt_at=None, last_error="")


def _postpone(delivery: Delivery, actor: str, error: Exception) -> None:
    with rls.acting_as(actor):
        Delivery.objects.filter(pk=delivery.pk).update(
            next_attempt_at=timezone.now() + delay_after(delivery.attempts), last_error=type(error).__name__
        )


def delay_after(attempts: int) -> timedelta:
    """Returns how long to wait after so many failures: doubling, capped, with up to a fifth of jitter."""
    delay = min(FIRST_DELAY * 2 ** min(attempts, 20), LONGEST_DELAY)
    return delay * (1 + random.random() / 5)  # noqa: S311 - jitter needs no secrecy

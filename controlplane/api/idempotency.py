"""Idempotency-Key: a repeated POST answers as the first one did, and does nothing a second time.

The key is taken by an INSERT under a unique constraint in the request's own transaction: a concurrent repetition
waits on it and then finds the answer; a request that fails rolls the key back with everything else, so that it can be
tried again.
"""

import hashlib
import json
import re
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from controlplane import authority
from controlplane.actor import Actor, actor_of
from controlplane.models import RememberedAnswer
from controlplane.problems import Conflict, Invalid, Malformed

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class StoredAnswer(Exception):
    """The request was answered before; ``response`` is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


def begin(request: Request) -> RememberedAnswer | None:
    """Takes the request's key.

    Returns: the row to complete with `remember`, or None if the request carries no key.
    Raises: StoredAnswer; Invalid if the key came with another request; Malformed if it is no key; a Problem if the
        asker is not allowed any more what the first request was allowed.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise Malformed(f"{HEADER} must be 1 to 255 visible ASCII characters.", field=HEADER)
    actor = actor_of(request)
    row = RememberedAnswer(
        actor=actor.rls_actor, credential=actor.key_id or "", key=key, fingerprint=_fingerprint(request)
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise _answer_of_first(row, actor) from None
    authority.begin()
    return row


def remember(row: RememberedAnswer, response: Response) -> None:
    """Keeps the answer for repetitions, in the transaction of the effect itself."""
    row.status = response.status_code
    row.body = json.dumps(
        {"data": response.data, "headers": {name: response[name] for name in ("Location",) if name in response}},
        cls=JSONEncoder,
    )
    row.needed = authority.collected()
    row.save(update_fields=["status", "body", "needed"])


def _answer_of_first(row: RememberedAnswer, actor: Actor) -> Exception:
    first = RememberedAnswer.objects.filter(actor=row.actor, credential=row.credential, key=row.key).first()
    if first is None or first.status is None:
        return Conflict(
            "A request with this Idempotency-Key is still running.",
            code="IDEMPOTENCY_IN_PROGRESS",
            hint="Send it again in a moment.",
            retry_after=1,
        )
    if first.fingerprint != row.fingerprint:
        return Invalid(
            "This Idempotency-Key was used with another request.",
            code="IDEMPOTENCY_KEY_REUSED",
            field=HEADER,
            hint="Use a new key for a new request. Nothing was changed.",
        )
    authority.demand(actor, first.needed)
    stored: dict[str, Any] = json.loads(first.body)
    headers = {**stored["headers"], REPLAYED: "true"}
    return StoredAnswer(Response(stored["data"], status=first.status, headers=headers))


def _fingerprint(request: Request) -> str:
    """What makes two requests the same: method, address and the meaning, not the spelling, of the body."""
    content = [request.method, request.get_full_path(), request.data]
    return hashlib.sha256(json.dumps(content, sort_keys=True, cls=JSONEncoder).encode()).hexdigest()

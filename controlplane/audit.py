"""The audit trail: one chain an organization, keyed outside the database.

Every entry carries an HMAC over itself and the HMAC before it, under a key that the database does not know. Changing,
removing or inserting an entry breaks the chain; the database's triggers refuse it to begin with. What belongs to no
organization is in the chain ``platform``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.audit_chain import mac_of
from controlplane.ids import new_id
from controlplane.models import AuditEntry, AuditHead
from controlplane.rls import PLATFORM, acting_as, actor_of

ACTION = re.compile(r"[a-z_]+\.[a-z_]+\.[a-z_]+")

_refusals: ContextVar[list[dict[str, Any]] | None] = ContextVar("refusals", default=None)


def record(
    *,
    by: Actor,
    action: str,
    organization_id: str | None,
    target: str,
    data: Mapping[str, Any] | None = None,
    grant_id: str | None = None,
    refused: bool = False,
) -> AuditEntry:
    """Appends an entry in the caller's transaction, so that a change and its entry stand or fall together.

    Args:
        by: who did it.
        action: three parts, ``room.object.verb``.
        organization_id: whose chain; None for what belongs to no organization.
        target: id of what was acted on.
        data: what changed; never a secret. Text, whole numbers, true/false, lists and objects only.
        grant_id: the grant under which an MSP's person acted.
        refused: the action did not happen.
    Raises: RuntimeError outside a transaction; ValueError for a name of another form.
    """
    if not ACTION.fullmatch(action):
        raise ValueError(f"“{action}” is no room.object.verb.")
    if not connection.in_atomic_block:
        raise RuntimeError("An audit entry belongs into the transaction of the change it tells of.")
    with _chain_access(organization_id):
        return _append(
            organization_id or PLATFORM,
            action=action,
            target=target,
            actor={**_named(by), **(_through(by, grant_id) if grant_id else {})},
            data=dict(data or {}),
            refused=refused,
        )


def record_refusal(*, unless: Callable[[], bool] | None = None, **refusal: Any) -> None:
    """Notes an action that was refused. The entry is written after the request's transaction was rolled back.

    The caller decides that ``organization_id`` may learn of it: an outsider must not be able to fill a stranger's
    trail.

    Args:
        unless: asked in the transaction that would write it, whether the trail tells enough already.
        refusal: as `record` takes it.
    """
    refusal["unless"] = unless
    pending = _refusals.get()
    if pending is None:
        _write_refusal(refusal)
    else:
        pending.append(refusal)


@contextmanager
def keeping_refusals() -> Iterator[None]:
    """Put around a transaction: refusals noted inside are written in one of their own when it has ended, either way."""
    pending: list[dict[str, Any]] = []
    token = _refusals.set(pending)
    try:
        yield
    finally:
        _refusals.reset(token)
        for refusal in pending:
            _write_refusal(refusal)


def _write_refusal(refusal: dict[str, Any]) -> None:
    organization_id, unless = refusal["organization_id"], refusal.pop("unless")
    with acting_as(actor_of(organization_id or PLATFORM)):
        if not (unless and unless()):
            record(**refusal, refused=True)


def _chain_access(organization_id: str | None) -> AbstractContextManager[None]:
    """Row-level security hides the platform's chain from everybody but the actor ``platform``."""
    return nullcontext() if organization_id else acting_as(PLATFORM)


def _named(by: Actor) -> dict[str, str]:
    """Who acted, as the entry keeps it: what is unknown is left out."""
    facts = {
        "kind": by.kind,
        "user": by.user_id,
        "key": by.key_id,
        "session": by.session_id,
        "request": by.request_id,
        "address": by.address,
        "reason": by.reason,
    }
    return {name: value for name, value in facts.items() if value}


def _through(by: Actor, grant_id: str) -> dict[str, str]:
    """The second identity of an MSP's person: whom they work for, and by which leave of the client."""
    return {"grant": grant_id, **({"msp": by.msp_id} if by.msp_id else {})}


def _append(chain: str, **content: Any) -> AuditEntry:
    head = _locked_head(chain)
    entry = AuditEntry(
        id=new_id("aud"),
        organization_id=chain,
        position=head.position + 1,
        created_at=timezone.now(),
        previous=head.mac,
        **content,
    )
    entry.mac = mac_of(entry)
    entry.save(force_insert=True)
    head.position, head.mac = entry.position, entry.mac
    head.save(force_update=True)
    return entry


def _locked_head(chain: str) -> AuditHead:
    """The chain's end, locked until commit. SQLite's transactions hold the one write lock already."""
    heads = AuditHead.objects.select_for_update()
    head = heads.filter(pk=chain).first()
    if head is None:
        AuditHead.objects.bulk_create([AuditHead(pk=chain)], ignore_conflicts=True)
        head = heads.get(pk=chain)
    return head


def entries_of(organization_id: str) -> QuerySet[AuditEntry]:
    """Returns the organization's entries, newest first; row-level security and the caller decide who may ask."""
    return AuditEntry.objects.filter(organization_id=organization_id).order_by("-created_at", "-id")

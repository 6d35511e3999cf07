"""
Brings one tenant a step closer to what is wanted: claim → fence → observe → decide → act → record.

A message that names a tenant is only a wake-up. Whoever wins the claim settles under which generation the intent goes
out, looks at the edge if what is known is old or ambiguous, decides (`lifecycle`, pure), makes at most one call that
changes something (and brings what that names, where the edge lacks it), and records. No transaction is open while the
edge is called. A worker that dies anywhere leaves a lease that ends and a row that is due; doing all of it again has
the same effect, because the edge refuses an older fence and ignores a repeated one.
"""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from billing.entitlements import entitlement_of
from controlplane.rls import acting_as
from tenants.provisioning import intents, kept, lifecycle, mirror, wakeups
from tenants.provisioning.claims import Claim, claim_tenant, renew
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import (
    ContentMissing,
    EdgeAmbiguous,
    EdgeError,
    StaleGeneration,
    TenantGone,
    UnknownAtEdge,
)
from tenants.provisioning.kinds import ROLLBACK
from tenants.provisioning.lifecycle import Action, Decision
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.sighting import Sighting

log = structlog.get_logger(__name__)

OUR_FAULT = EdgeError("Something went wrong on our side.", code="INTERNAL", hint="We try again by ourselves.")

LOOK_AGAIN = dt.timedelta(seconds=60)
"""How long to rely on the feed before asking the edge how far it has come."""

Refresher = Callable[[Tenant, EdgeApi], Iterator[None]]
REFRESHERS: list[Refresher] = []
"""What other inner rooms mirror of a tenant; each reads it anew, without a transaction around it.

A refresher yields after each of its calls, so that the claim is renewed however many there are."""

SUPPLIERS: list[Callable[[Tenant, EdgeApi], None]] = []
"""What other inner rooms bring to the edge where a plan names what it lacks; without a transaction around it."""


@dataclass(frozen=True)
class Held:
    """What one claim holds: the tenant as it was when its intent was fenced, and what is wanted of it."""

    claim: Claim
    tenant: Tenant
    aim: str
    rolls_back: bool = False
    """Whether the intent goes out as the way back to the version before."""
    exhausted: bool = False
    """Whether its operation was tried as often as it may be, and no worker was left to give it up."""

    @property
    def edge(self) -> EdgeApi:
        """The edge that runs this tenant."""
        return EdgeApi(self.tenant.cell)


@dataclass(frozen=True)
class Outcome:
    """What a pass ended with: a decision that was carried out, or the error that stopped it."""

    decision: Decision | None = None
    seen: Sighting | None = None
    absent: bool = False
    gone: bool = False
    error: EdgeError | None = None


def reconcile(tenant_id: str) -> Outcome | None:
    """
    Do what is next for one tenant; None if it is not due or somebody else is at it.

    A tenant whose rows trip us up, before or after the edge is called, is put off like any other that fails. A database
    that does not answer is no tenant's fault: then the lease ends by itself.
    """
    claim = claim_tenant(tenant_id)
    if claim is None:
        return None
    with structlog.contextvars.bound_contextvars(tenant=tenant_id):
        try:
            return _pass(claim)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("tenant_not_reconciled")
            put_off(claim)
            return Outcome(error=OUR_FAULT)


def _pass(claim: Claim) -> Outcome:
    held = fence(claim)
    with structlog.contextvars.bound_contextvars(operation=held.tenant.sent_operation_id):
        outcome = attempt(held)
        log.info("reconciled", **_described(outcome))
        record(held, outcome)
    return outcome


def fence(claim: Claim) -> Held:
    """Settle what is wanted and under which generation it goes out, before anything leaves this process."""
    with acting_as(claim.actor):
        tenant = mirror.locked(claim.tenant_id)
        aim = lifecycle.wanted(tenant.requested, entitlement_of(tenant.organization_id), in_bin=tenant.in_bin)
        exhausted = tenant.attempts > lifecycle.ATTEMPT_CAP and mirror.open_operation(tenant) is not None
        if not exhausted:
            intents.settle(tenant, aim)
        way_back = Operation.objects.filter(pk=tenant.sent_operation_id, kind=ROLLBACK)
        return Held(claim, tenant, aim, rolls_back=way_back.exists(), exhausted=exhausted)


def attempt(held: Held) -> Outcome:
    """
    Observe, decide, act; failures come back as values.

    An unforeseen exception is one of them: it is logged in full and counts as an attempt, so that a tenant which
    trips over a fault of ours backs off like any other and delays nobody.
    """
    if held.exhausted:
        log.error("workers_end_over_a_tenant", attempts=held.tenant.attempts)
        return Outcome(error=OUR_FAULT)
    try:
        known, looked = observe(held)
        decision = lifecycle.next_step(held.tenant, held.aim, known)
        answer = ACTIONS[decision.action](held)
        return Outcome(decision, seen=answer or (known if looked else None), absent=looked and known is None)
    except TenantGone as error:
        return Outcome(gone=held.aim == lifecycle.DELETED, error=None if held.aim == lifecycle.DELETED else error)
    except StaleGeneration as error:
        return Outcome(error=error, seen=_what_is_newer(held))
    except EdgeError as error:
        return Outcome(error=error)
    except Exception:
        log.exception("reconciler_fault")
        return Outcome(error=EdgeAmbiguous("Something went wrong on our side.", code="INTERNAL"))


def observe(held: Held) -> tuple[Sighting | None, bool]:
    """What the edge holds of this tenant, and whether it was asked just now."""
    known = Sighting.read(held.tenant.edge_view) if held.tenant.edge_view else None
    if not _must_look(held, known):
        return known, False
    try:
        seen = held.edge.get_tenant(held.tenant.pk)
    except UnknownAtEdge:
        return None, True
    if held.tenant.refresh_due:
        _refresh(held)
    return seen, True


def _refresh(held: Held) -> None:
    """Read all mirrored parts anew, as long as the claim is ours."""
    for refresh in REFRESHERS:
        for _ in refresh(held.tenant, held.edge):
            if not renew(held.claim):
                return


def _must_look(held: Held, known: Sighting | None) -> bool:
    """Look when the last answer was ambiguous, when asked to, or when the feed has been silent about work in hand."""
    tenant = held.tenant
    if not tenant.ever_sent:
        return False
    waiting = known is not None and known.fence == tenant.fence
    reached = known is not None and lifecycle.is_reached(held.aim, tenant.fence, known)
    return tenant.refresh_due or tenant.observed == "unknown" or (waiting and not reached)


def _send(held: Held) -> Sighting:
    tenant = held.tenant
    body = {**_fence_of(tenant), "requested": held.aim, "plan": tenant.spec}
    if tenant.erases_at is not None:
        body["bin"] = {"erases_at": tenant.erases_at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")}
    if held.rolls_back:
        body["rollback"] = True
    if tenant.copy_from and held.aim == lifecycle.RUNNING:
        body["from"] = tenant.copy_from
    try:
        return held.edge.put_tenant(tenant.pk, body)
    except ContentMissing:
        for supply in SUPPLIERS:
            supply(tenant, held.edge)
        return held.edge.put_tenant(tenant.pk, body)


def _erase(held: Held) -> Sighting:
    return held.edge.delete_tenant(held.tenant.pk, _fence_of(held.tenant))


def _fence_of(tenant: Tenant) -> dict[str, Any]:
    epoch, generation = tenant.fence
    return {"epoch": epoch, "generation": generation, "operation_id": tenant.sent_operation_id}


def _nothing(held: Held) -> None:
    return None


def _halt(held: Held) -> None:
    raise StaleGeneration(
        "The edge holds a newer state of this tenant than we do.",
        code="STALE_GENERATION",
        hint="Check whether the database was set back; a Retry goes on from what the edge holds.",
    )


ACTIONS: dict[Action, Callable[[Held], Sighting | None]] = {
    Action.SEND: _send,
    Action.ERASE: _erase,
    Action.WAIT: _nothing,
    Action.REST: _nothing,
    Action.BURY: _nothing,
    Action.HALT: _halt,
}


def _what_is_newer(held: Held) -> Sighting | None:
    """What the edge holds instead; nothing if it does not tell now, for then a Retry looks again."""
    if not renew(held.claim):
        return None
    try:
        return held.edge.get_tenant(held.tenant.pk)
    except EdgeError as error:
        log.info("newer_state_not_seen", code=error.code)
        return None


def record(held: Held, outcome: Outcome) -> None:
    """
    Write down what was seen and when to look next, and give the claim back.

    What the edge said holds in any case, also where it is older than what was known before it was asked: then the edge
    was set back. The schedule is only written while the lease is still ours, and not over a wake-up that came
    meanwhile.
    """
    with acting_as(held.claim.actor):
        tenant = mirror.locked(held.claim.tenant_id)
        if outcome.absent:
            mirror.record_absence(tenant)
        if outcome.seen is not None:
            mirror.record(tenant, outcome.seen, set_back=outcome.seen.seq < held.tenant.edge_seq)
        if outcome.gone and tenant.deleted_at is None:
            mirror.bury(tenant)
        if tenant.lease_owner == held.claim.owner:
            _schedule(tenant, held, outcome)


def put_off(claim: Claim) -> None:
    """Come back later to a tenant of which nothing could be recorded."""
    with acting_as(claim.actor):
        tenant = mirror.locked(claim.tenant_id)
        if tenant.lease_owner == claim.owner:
            _postpone(tenant, OUR_FAULT)
            _give_back(tenant)


def _schedule(tenant: Tenant, held: Held, outcome: Outcome) -> None:
    woken_meanwhile = tenant.deleted_at is None and tenant.next_attempt_at != held.tenant.next_attempt_at
    if outcome.error is None:
        tenant.attempts = 0
    if outcome.error is not None and not woken_meanwhile:
        _postpone(tenant, outcome.error)
    elif not woken_meanwhile:
        _settle(tenant, outcome)
    _give_back(tenant)
    if woken_meanwhile:
        wakeups.wake_reconciler(tenant)


def _give_back(tenant: Tenant) -> None:
    tenant.lease_owner, tenant.lease_until = "", None
    tenant.save(update_fields=["attempts", "lease_owner", "lease_until"])


def _settle(tenant: Tenant, outcome: Outcome) -> None:
    resting = outcome.decision is None or outcome.decision.action in (Action.REST, Action.BURY)
    tenant.refresh_due = False
    tenant.next_attempt_at = None if resting or tenant.deleted_at else timezone.now() + LOOK_AGAIN
    tenant.save(update_fields=["refresh_due", "next_attempt_at"])


def _postpone(tenant: Tenant, error: EdgeError) -> None:
    """Come back later; give up where trying again can't help or was tried often enough."""
    if isinstance(error, EdgeAmbiguous):
        tenant.observed = "unknown"
    operation = mirror.open_operation(tenant)
    if operation is not None and (not error.retryable or tenant.attempts >= lifecycle.ATTEMPT_CAP):
        _give_up(tenant, operation, error)
    else:
        delay = lifecycle.delay_after(tenant.attempts, random.random())  # noqa: S311 - jitter needs no secrecy
        tenant.next_attempt_at = timezone.now() + delay
        intents.note_failure(operation, error, Operation.State.WAITING)
    tenant.save(update_fields=["observed", "next_attempt_at", "halted_at", "reason"])
    mirror.tell_watchers(tenant)


def _give_up(tenant: Tenant, operation: Operation, error: EdgeError) -> None:
    tenant.next_attempt_at, tenant.halted_at, tenant.reason = None, timezone.now(), error.as_json()
    intents.note_failure(operation, error, Operation.State.FAILED)
    if operation.base_spec:
        # The tenant runs on as it was: what the edge does not take is not to be what it stops and starts with.
        kept.want(tenant, operation.base_spec, "the edge did not take a change")


def _described(outcome: Outcome) -> dict[str, str]:
    if outcome.error is not None:
        return {"failed": outcome.error.code}
    if outcome.decision is None:
        return {"action": "bury"}
    return {"action": outcome.decision.action.value, "why": outcome.decision.reason}

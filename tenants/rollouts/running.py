"""
Brings roll-outs forward: level-triggered, from rows alone.

1. Beat asks which are due and wakes a look at each; a lost wake-up costs seconds.
2. A look does one thing a transaction under the roll-out's lock, until there is nothing to do now: it notes which
   operations have ended, decides (`deciding.decide`, pure), and does that.
3. A tenant's operation and the note that it was begun are one transaction, so none is begun twice.

Each operation is asked for as the person behind the roll-out, with what they may do at that moment: whoever lost a
client's leave meanwhile changes nothing there.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Forbidden, NotFound, Problem
from organizations import owner_notices
from organizations.actions import trail
from organizations.keys.authentication import acting_for
from tenants.protection.backups.models import Backup
from tenants.provisioning import queries as provisioning
from tenants.provisioning.models import Operation
from tenants.provisioning.scheduling import NOW
from tenants.provisioning.wakeups import in_bulk
from tenants.rollouts.actions import title_of
from tenants.rollouts.deciding import LOOK_AGAIN, Act, Decision, decide
from tenants.rollouts.kind import Kind
from tenants.rollouts.kinds import KINDS
from tenants.rollouts.models import Rollout, RolloutTarget
from tenants.rollouts.planning import BUSY, HAS_IT

log = structlog.get_logger(__name__)

BATCH = 100
BUSY_AGAIN = dt.timedelta(minutes=1)
FAULTS = frozenset({"FILES_CHANGED", "INVALID_CONTENT"})
"""What speaks against the whole roll-out, and not for passing over one tenant."""

State = RolloutTarget.State


def due() -> list[dict[str, str]]:
    """Roll-outs to be looked at now: `id` and `organization_id` of each."""
    now = timezone.now()
    return rls.call("rollouts_due", now, BATCH, otherwise=lambda: _due(now))


def look(organization_id: str, rollout_id: str) -> None:
    """Do all that there is to do now of one roll-out."""
    while _did_something(organization_id, rollout_id):
        pass


def _did_something(organization_id: str, rollout_id: str) -> bool:
    with rls.acting_as(f"org:{organization_id}"):
        found = Rollout.objects.select_for_update().filter(pk=rollout_id, state=Rollout.State.RUNNING)
        rollout = found.first()
        if rollout is None:
            return False
        targets = list(rollout.targets.all())
        _note_ends(KINDS[rollout.kind], [target for target in targets if target.state == State.RUNNING])
        decision = decide(rollout, targets, timezone.now(), in_rings=KINDS[rollout.kind].in_rings)
        log.info("rollout_decided", rollout=rollout.pk, act=decision.act, why=decision.why)
        _ACTS[decision.act](rollout, decision)
        return decision.act in (Act.BEGIN, Act.ADVANCE)


def _note_ends(kind: Kind, running: Sequence[RolloutTarget]) -> None:
    by_organization: dict[str, list[RolloutTarget]] = {}
    for target in running:
        by_organization.setdefault(target.tenant_organization_id, []).append(target)
    for organization_id, targets in by_organization.items():
        with rls.reading_as(f"org:{organization_id}"):
            asked = kind.follows.objects.in_bulk([target.operation_id for target in targets])
        for target in targets:
            _note_end(kind, target, asked.get(target.operation_id))


ENDED = frozenset({"succeeded", "failed", "cancelled"})


def _note_end(kind: Kind, target: RolloutTarget, asked: Operation | Backup | None) -> None:
    if asked is None:
        _end(target, State.FAILED, "Its operation is not known any more.")
    elif asked.state == Operation.State.SUCCEEDED and kind.stepwise:
        target.state = State.PENDING
        target.save(update_fields=["state"])
    elif asked.state == Operation.State.SUCCEEDED:
        _end(target, State.SUCCEEDED)
    elif asked.state in ENDED:
        why = str((asked.error or {}).get("message") or f"The operation was {asked.state}.")
        _end(target, State.FAILED, why)


def _begin(rollout: Rollout, decision: Decision) -> None:
    for target in decision.targets:
        _begin_one(rollout, target)


def _begin_one(rollout: Rollout, target: RolloutTarget) -> None:
    try:
        actor = _actor(rollout, target)
        with rls.acting_as(actor.rls_actor), in_bulk():
            tenant = provisioning.find(actor, target.tenant_id)
            has_it = KINDS[rollout.kind].has(tenant, rollout.arguments)
            asked = None if has_it else KINDS[rollout.kind].ask(actor, tenant, rollout.when, rollout.arguments)
    except Problem as problem:
        _note_refusal(target, problem)
        return
    if asked is None:
        untouched = has_it and not target.operation_id
        _end(target, *((State.SKIPPED, HAS_IT) if untouched else (State.SUCCEEDED,)))
        return
    target.state, target.operation_id, target.reason = State.RUNNING, asked.pk, ""
    target.save(update_fields=["state", "operation_id", "reason"])


def _note_refusal(target: RolloutTarget, problem: Problem) -> None:
    if problem.code in BUSY:
        target.not_before, target.reason = timezone.now() + BUSY_AGAIN, f"Waits. {problem.detail}"[:500]
        target.save(update_fields=["not_before", "reason"])
    elif isinstance(problem, Forbidden | NotFound):
        _end(target, State.FAILED, f"Whoever has this rolled out may not do it here. {problem.detail}")
    else:
        # What had a part of it already is not passed over.
        failed = problem.code in FAULTS or target.operation_id
        _end(target, State.FAILED if failed else State.SKIPPED, problem.detail)


def _end(target: RolloutTarget, state: str, reason: str = "") -> None:
    target.state, target.reason, target.ended_at = state, reason[:500], timezone.now()
    target.save(update_fields=["state", "reason", "ended_at"])


def _actor(rollout: Rollout, target: RolloutTarget) -> Actor:
    """Who asks, as far as they still may. Raises Forbidden where the key that asked for it works no more."""
    return acting_for(
        rollout.acts_as,
        rollout.acts_with,
        request_id=rollout.pk,
        address=rollout.acted_from,
        reason=f"roll-out {rollout.pk}",
        working=(target.grant_id, rollout.organization_id) if target.grant_id else None,
    )


def _wait(rollout: Rollout, decision: Decision) -> None:
    rollout.look_at = decision.until or timezone.now() + LOOK_AGAIN
    rollout.save(update_fields=["look_at"])


def _advance(rollout: Rollout, decision: Decision) -> None:
    rollout.ring = decision.ring
    rollout.save(update_fields=["ring"])


def _stop(state: str, verb: str, rollout: Rollout, decision: Decision) -> None:
    """Nothing more is done by itself: held until somebody decides, or finished."""
    held = state == Rollout.State.HELD
    rollout.state, rollout.look_at, rollout.reason = state, None, decision.why if held else ""
    rollout.finished_at = None if held else timezone.now()
    rollout.save(update_fields=["state", "look_at", "reason", "finished_at"])
    by = Actor.system(decision.why, organization_id=rollout.organization_id)
    trail.record(by, rollout.organization_id, f"tenants.rollout.{verb}", rollout.pk, what=title_of(rollout))
    if not KINDS[rollout.kind].in_rings and rollout.when == NOW:
        return  # whoever began it sees it end within minutes
    facts = {"what": title_of(rollout), "rollout_id": rollout.pk, "why": decision.why, **_counted(rollout)}
    owner_notices.tell_those_who_may("tenant.operate", rollout.organization, f"rollout_{state}", **facts)


def _counted(rollout: Rollout) -> dict[str, int]:
    states = list(rollout.targets.values_list("state", flat=True))
    return {state: states.count(state) for state in (State.SUCCEEDED, State.FAILED, State.SKIPPED)}


_ACTS: Mapping[Act, Callable[[Rollout, Decision], None]] = {
    Act.BEGIN: _begin,
    Act.WAIT: _wait,
    Act.ADVANCE: _advance,
    Act.HOLD: partial(_stop, Rollout.State.HELD, "hold"),
    Act.FINISH: partial(_stop, Rollout.State.FINISHED, "finish"),
}


def _due(now: dt.datetime) -> list[dict[str, str]]:
    rows = Rollout.objects.filter(look_at__lte=now).order_by("look_at")
    return [{"id": row.pk, "organization_id": row.organization_id} for row in rows[:BATCH]]

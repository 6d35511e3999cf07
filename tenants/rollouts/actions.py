"""What people ask of roll-outs: start, go on, retry what failed, end."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.celery import wake_on_commit
from controlplane.problems import Conflict, Invalid
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from tenants.provisioning.models import Tenant
from tenants.provisioning.scheduling import NOW
from tenants.provisioning.wakeups import BULK
from tenants.rollouts import planning
from tenants.rollouts.deciding import first_ring
from tenants.rollouts.kind import Arguments
from tenants.rollouts.kinds import KINDS, settled
from tenants.rollouts.models import Rollout, RolloutTarget

SOAK_HOURS, LONGEST_SOAK = 24, 720
MOST_FAILURES = planning.MOST


@transaction.atomic
def start(
    *,
    by: Actor,
    organization: Organization,
    kind: str,
    arguments: Arguments,
    only: dict[str, list[str]] | None = None,
    when: str = NOW,
    soak_hours: int = SOAK_HOURS,
    failures_allowed: int = 0,
) -> Rollout:
    """
    Begin a roll-out with the first ring that has a tenant. One of a kind is under way at a time.

    Args:
        kind, arguments: see `kinds.KINDS`. only: see `planning.foresee`. when: now, or in each tenant's window.
        soak_hours: how long a ring is left alone before the next begins.
        failures_allowed: how many tenants may fail before it is held.
    Raises Invalid, and Conflict where another one is open.
    """
    standing = access.require(by, "tenant.operate", organization, confirmed=KINDS[kind].confirmed)
    _check(soak_hours, failures_allowed)
    foreseen = planning.foresee(by, organization, kind, arguments, when, only or {})
    rollout = Rollout(
        organization=organization,
        kind=kind,
        arguments=dict(settled(kind, organization, arguments)),
        only={name: ids for name, ids in (only or {}).items() if ids},
        when=when,
        soak_hours=soak_hours,
        failures_allowed=failures_allowed,
        created_by=by.user_id,
        ring=_ring_of(kind, foreseen[0].tenant),
    )
    _insert(rollout, by)
    RolloutTarget.objects.bulk_create(_target(rollout, each) for each in foreseen)
    terms = {"soak_hours": soak_hours, "failures_allowed": failures_allowed, "when": when}
    trail.record(
        by, standing, "tenants.rollout.start", rollout.pk, what=title_of(rollout), tenants=len(foreseen), **terms
    )
    return rollout


@transaction.atomic
def go_on(*, by: Actor, rollout: Rollout) -> Rollout:
    """Have a roll-out that is held go on with what has not begun; what failed stays so. Raises Conflict."""
    standing = access.require(by, "tenant.operate", rollout.organization_id)
    rollout = _locked(rollout, Rollout.State.HELD)
    rollout.failures_accepted = rollout.targets.filter(state=RolloutTarget.State.FAILED).count()
    _wake(rollout, by)
    trail.record(by, standing, "tenants.rollout.go_on", rollout.pk, what=title_of(rollout))
    return rollout


@transaction.atomic
def retry(*, by: Actor, rollout: Rollout) -> Rollout:
    """
    Ask the tenants that failed once more, and go on from there.

    Raises Conflict, also where none has failed, and NotConfirmed where the kind asks who is at it.
    """
    asks = KINDS[rollout.kind].confirmed
    standing = access.require(by, "tenant.operate", rollout.organization_id, confirmed=asks)
    rollout = _locked(rollout, Rollout.State.HELD, Rollout.State.FINISHED)
    failed = rollout.targets.filter(state=RolloutTarget.State.FAILED)
    names = sorted(failed.values_list("tenant_name", flat=True))
    if not names:
        raise Conflict("No tenant of this roll-out has failed. Nothing was begun.")
    _refuse_second(rollout)
    failed.update(state=RolloutTarget.State.PENDING, reason="", operation_id="", not_before=None, ended_at=None)
    rollout.ring, rollout.failures_accepted, rollout.finished_at = first_ring(rollout.targets.all()), 0, None
    _wake(rollout, by)
    trail.record(by, standing, "tenants.rollout.retry", rollout.pk, what=title_of(rollout), tenants=", ".join(names))
    return rollout


@transaction.atomic
def end(*, by: Actor, rollout: Rollout) -> Rollout:
    """Begin no further tenant. What runs comes to its own end, and is not followed any more. Raises Conflict."""
    standing = access.require(by, "tenant.operate", rollout.organization_id)
    rollout = _locked(rollout, *Rollout.OPEN)
    rollout.state, rollout.look_at, rollout.finished_at = Rollout.State.ENDED, None, timezone.now()
    rollout.save(update_fields=["state", "look_at", "finished_at"])
    pending = rollout.targets.filter(state=RolloutTarget.State.PENDING)
    pending.update(state=RolloutTarget.State.SKIPPED, reason="The roll-out was ended before.", ended_at=timezone.now())
    trail.record(by, standing, "tenants.rollout.end", rollout.pk, what=title_of(rollout))
    return rollout


def title_of(rollout: Rollout) -> str:
    """What people call it, such as 'Wazuh 4.14.7'."""
    return KINDS[rollout.kind].title(rollout.arguments)


@transaction.atomic
def start_at_once(
    *,
    by: Actor,
    organization: Organization,
    kind: str,
    arguments: Arguments,
    tenants: list[str],
    when: str = NOW,
) -> Rollout:
    """
    Have many tenants asked at once for a kind that knows no rings. None of them holds the others up by failing.

    Raises what `start` does, and NotConfirmed where the kind asks who is at it.
    """
    if KINDS[kind].in_rings:
        raise Invalid("This goes ring by ring: roll it out.", field="kind")
    return start(
        by=by,
        organization=organization,
        kind=kind,
        arguments=arguments,
        only={"tenants": tenants},
        when=when,
        soak_hours=0,
        failures_allowed=MOST_FAILURES,
    )


def _ring_of(kind: str, tenant: Tenant) -> str:
    return tenant.ring if KINDS[kind].in_rings else Tenant.Ring.GENERAL


def _check(soak_hours: int, failures_allowed: int) -> None:
    if not 0 <= soak_hours <= LONGEST_SOAK:
        raise Invalid(f"Expected 0 to {LONGEST_SOAK} hours.", field="soak_hours")
    if not 0 <= failures_allowed <= MOST_FAILURES:
        raise Invalid(f"Expected 0 to {MOST_FAILURES}.", field="failures_allowed")


def _insert(rollout: Rollout, by: Actor) -> None:
    try:
        with transaction.atomic():
            _wake(rollout, by)
    except IntegrityError as error:
        raise _Second from error


def _wake(rollout: Rollout, by: Actor) -> None:
    """Save it as running under the authority of whoever asks, and have it looked at once this has committed."""
    from tenants.rollouts.tasks import look_at_rollout  # here, because the task calls what calls this

    rollout.state, rollout.reason, rollout.look_at = Rollout.State.RUNNING, "", timezone.now()
    rollout.acts_as, rollout.acts_with, rollout.acted_from = by.user_id, by.key_id or "", by.address
    rollout.save()
    wake_on_commit(look_at_rollout, rollout.organization_id, rollout.pk, queue=BULK)


def _locked(rollout: Rollout, *states: str) -> Rollout:
    rollout = Rollout.objects.select_for_update().get(pk=rollout.pk)
    if rollout.state not in states:
        raise Conflict(
            f"This roll-out is {rollout.get_state_display().lower()}. Nothing was changed.",
            code="NOT_POSSIBLE_NOW",
            hint="Read it anew: somebody may have been faster.",
        )
    return rollout


def _refuse_second(rollout: Rollout) -> None:
    if not KINDS[rollout.kind].in_rings:
        return
    others = Rollout.objects.filter(organization=rollout.organization_id, kind=rollout.kind, state__in=Rollout.OPEN)
    if others.exclude(pk=rollout.pk).exists():
        raise _Second


def _target(rollout: Rollout, foreseen: planning.Foreseen) -> RolloutTarget:
    tenant = foreseen.tenant
    return RolloutTarget(
        organization_id=rollout.organization_id,
        rollout=rollout,
        ring=_ring_of(rollout.kind, tenant),
        tenant_id=tenant.pk,
        tenant_name=tenant.name,
        tenant_organization_id=tenant.organization_id,
        tenant_organization_name=tenant.organization.name,
        grant_id=foreseen.standing.grant_id or "",
    )


class _Second(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "A roll-out of this kind is under way already. Nothing was begun.",
            code="ROLLOUT_OPEN",
            hint="Wait until it has finished, or end it.",
        )

"""Roll-outs ready to be read: plain values and marks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone

from controlplane.marks import Mark
from tenants.protection.backups.models import Backup
from tenants.provisioning.models import Tenant
from tenants.provisioning.scheduling import IN_WINDOW
from tenants.rollouts.actions import title_of
from tenants.rollouts.deciding import RINGS
from tenants.rollouts.kinds import KINDS
from tenants.rollouts.models import Rollout, RolloutTarget
from tenants.rollouts.planning import SKIPS, TAKES, WAITS, Foreseen

STATES = {
    "running": Mark("working", "loader-circle", "Running"),
    "held": Mark("attention", "triangle-alert", "Held"),
    "finished": Mark("ok", "circle-check", "Finished"),
    "ended": Mark("off", "circle-pause", "Ended"),
}
TARGETS = {
    "pending": Mark("off", "circle-dashed", "Not begun"),
    "running": Mark("working", "loader-circle", "Running"),
    "succeeded": Mark("ok", "circle-check", "Succeeded"),
    "failed": Mark("failed", "circle-x", "Failed"),
    "skipped": Mark("off", "circle-pause", "Skipped"),
}
OUTCOMES = {
    TAKES: Mark("ok", "circle-check", "Takes it"),
    WAITS: Mark("attention", "clock", "Waits"),
    SKIPS: Mark("off", "circle-pause", "Is skipped"),
}
SOAKS = Mark("working", "clock", "Soaks")


def rollout_row(rollout: Rollout, names: Mapping[str, str]) -> dict[str, Any]:
    """One roll-out of a list."""
    return {
        "id": rollout.pk,
        "title": title_of(rollout),
        "url": reverse("tenants:rollout", args=[rollout.organization_id, rollout.pk]),
        "mark": STATES[rollout.state],
        "reason": rollout.reason,
        "ring": rollout.get_ring_display(),
        "is_open": rollout.state in Rollout.OPEN,
        "is_running": rollout.state == Rollout.State.RUNNING,
        "is_held": rollout.state == Rollout.State.HELD,
        "in_window": rollout.when == IN_WINDOW,
        "in_rings": KINDS[rollout.kind].in_rings,
        "soak_hours": rollout.soak_hours,
        "failures_allowed": rollout.failures_allowed,
        "created_by": names.get(rollout.created_by, "–"),
        "created_at": rollout.created_at,
        "finished_at": rollout.finished_at,
    }


def ring_rows(rollout: Rollout, targets: Sequence[RolloutTarget]) -> list[dict[str, Any]]:
    """Each ring that has tenants, with what became of them."""
    found = []
    for ring in RINGS:
        here = sorted((each for each in targets if each.ring == ring), key=lambda each: each.tenant_name)
        if here:
            words = Tenant.Ring(ring).label if KINDS[rollout.kind].in_rings else "Tenants"
            shown = [_target(rollout, each) for each in here]
            found.append({"name": words, "mark": _of_ring(rollout, ring, here), "targets": shown})
    return found


def soaks_until(rollout: Rollout, targets: Sequence[RolloutTarget]) -> Any:
    """When the next ring begins, while the one before it is over and left alone; else None."""
    here = [each.state for each in targets if each.ring == rollout.ring]
    resting = not {"pending", "running"} & set(here) and rollout.state == Rollout.State.RUNNING
    return rollout.look_at if resting and rollout.look_at and rollout.look_at > timezone.now() else None


def foreseen_rows(foreseen: Sequence[Foreseen]) -> list[dict[str, Any]]:
    """What would become of each tenant, ring by ring."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for each in foreseen:
        row = {"tenant": each.tenant, "mark": OUTCOMES[each.outcome].saying(why=each.reason)}
        rows.setdefault(each.tenant.get_ring_display(), []).append(row)
    return [{"name": name, "targets": targets} for name, targets in rows.items()]


def _target(rollout: Rollout, target: RolloutTarget) -> dict[str, Any]:
    followed = "tenants:backup" if KINDS[rollout.kind].follows is Backup else "tenants:operation"
    url = reverse(followed, args=[target.tenant_id, target.operation_id]) if target.operation_id else ""
    return {
        "name": target.tenant_name,
        "organization": target.tenant_organization_name,
        "url": url or reverse("tenants:overview", args=[target.tenant_id]),
        "mark": TARGETS[target.state].saying(why=target.reason),
        "ended_at": target.ended_at,
    }


def _of_ring(rollout: Rollout, ring: str, targets: Sequence[RolloutTarget]) -> Mark:
    counts = Counter(each.state for each in targets)
    for state in ("failed", "running", "pending"):
        if counts[state]:
            return TARGETS[state].saying(word=f"{counts[state]} {TARGETS[state].word.lower()}")
    soaking = rollout.state == Rollout.State.RUNNING and rollout.ring == ring and rollout.look_at is not None
    return SOAKS if soaking else TARGETS["succeeded"].saying(word="Over")

"""
Operations that restart nodes, at once or in the tenant's maintenance window.

1. An action asks for one with `when`. Its checks are those of a preparer, which answers the spec from then on.
2. In the window: the operation stands as `scheduled` with its begin and end. It blocks nothing and can be cancelled.
3. Beat finds what is due. What is true stands in rows, so that a lost wake-up costs seconds.
4. At the begin the same preparer checks again: what has changed since counts. A tenant that is not ready is looked at
   again until the window's end; then the operation fails and says why.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, Problem
from organizations import owner_notices
from organizations.standings import Standing
from tenants.provisioning import beside, intents, mirror, wakeups
from tenants.provisioning.actions import ask as ask_with_spec
from tenants.provisioning.actions import asker, note
from tenants.provisioning.kinds import KINDS
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.timeline import title_of
from tenants.provisioning.windows import Window

NOW, IN_WINDOW = "now", "window"
WHEN = (NOW, IN_WINDOW)
NOTICE = dt.timedelta(hours=1)
"""How long before its begin people are told of it once more."""

BATCH = 100

Prepare = Callable[..., dict[str, Any]]
_PREPARERS: dict[str, Prepare] = {}


def prepares(kind: str) -> Callable[[Prepare], Prepare]:
    """
    Register what stands before operations of a kind: it gets the tenant's locked row and the operation's arguments,
    raises a Problem where the operation can't begin now, and answers the spec that is wanted from then on.
    """

    def register(prepare: Prepare) -> Prepare:
        _PREPARERS[kind] = prepare
        return prepare

    return register


def ask(by: Actor, tenant: Tenant, kind: str, standing: Standing, when: str, **arguments: str) -> Operation:
    """
    Part of an action, which holds the tenant's lock: have an operation carried out now, or in the window.

    Raises what the preparer does, Invalid for a tenant without a window, Conflict where one is scheduled already.
    """
    spec = _PREPARERS[kind](tenant, **arguments)
    if when == IN_WINDOW:
        return _schedule(by, tenant, kind, standing, arguments)
    if not KINDS[kind].changes_spec:
        return beside.ask(by, tenant, kind, standing, **arguments)
    before, tenant.spec = tenant.spec, spec
    tenant.save(update_fields=["spec"])
    return ask_with_spec(by, tenant, kind, standing, base_spec=before, **arguments)


def due() -> list[dict[str, str]]:
    """Operations whose window has begun, or of which people are to be told: `id` and `organization_id` of each."""
    now = timezone.now()
    return rls.call("operations_due", now, now + NOTICE, BATCH, otherwise=lambda: _due(now))


def look(organization_id: str, operation_id: str) -> None:
    """Do what is due of one scheduled operation; nothing if that was done already."""
    with rls.acting_as(f"org:{organization_id}"):
        found = Operation.objects.filter(pk=operation_id, state=Operation.State.SCHEDULED).first()
        if found is None:
            return
        tenant = mirror.locked(found.tenant_id)
        operation = Operation.objects.get(pk=operation_id)
        if operation.state != Operation.State.SCHEDULED or operation.scheduled_for is None:
            return
        now = timezone.now()
        if now < operation.scheduled_for:
            _announce(tenant, operation, now)
        else:
            _begin_or_miss(tenant, operation, over=now >= (operation.window_ends_at or now))


def _schedule(by: Actor, tenant: Tenant, kind: str, standing: Standing, arguments: dict[str, str]) -> Operation:
    if tenant.maintenance_window is None:
        raise Invalid(
            "This tenant has no maintenance window. Nothing was changed.",
            field="when",
            hint="Set one in its settings, or have it done now.",
        )
    if Operation.objects.filter(tenant=tenant, state=Operation.State.SCHEDULED).exists():
        raise Conflict(
            "Something is scheduled for this tenant's maintenance window already. Nothing was changed.",
            code="OPERATION_SCHEDULED",
            hint="Cancel that first, or wait until it is done.",
        )
    now = timezone.now()
    begins, ends = Window.read(tenant.maintenance_window).next_after(now)
    operation = Operation.objects.create(
        organization_id=tenant.organization_id,
        tenant=tenant,
        kind=kind,
        arguments=arguments,
        state=Operation.State.SCHEDULED,
        scheduled_for=begins,
        window_ends_at=ends,
        # Who is told now of what begins within the notice is not told again.
        announced_at=now if begins - now <= NOTICE else None,
        base_requested=tenant.requested,
        base_generation=tenant.generation,
        **asker(by),
    )
    mirror.add_steps(operation)
    note(by, operation, "tenants.operation.schedule", standing)
    _mail(tenant, operation, "maintenance_scheduled")
    return operation


def _announce(tenant: Tenant, operation: Operation, now: dt.datetime) -> None:
    near = operation.scheduled_for is not None and operation.scheduled_for - now <= NOTICE
    if near and operation.announced_at is None:
        operation.announced_at = now
        operation.save(update_fields=["announced_at"])
        _mail(tenant, operation, "maintenance_soon")


def _begin_or_miss(tenant: Tenant, operation: Operation, *, over: bool) -> None:
    try:
        spec = _PREPARERS[operation.kind](tenant, **operation.arguments)
    except Problem as problem:
        if over:
            _miss(tenant, operation, problem.detail)
        return
    if over:
        _miss(tenant, operation, "The window was over before anything could begin.")
    else:
        _begin(tenant, operation, spec)


def _begin(tenant: Tenant, operation: Operation, spec: dict[str, Any]) -> None:
    """The scheduled operation becomes one like any other."""
    changes = KINDS[operation.kind].changes_spec
    operation.state = Operation.State.QUEUED
    operation.base_requested, operation.base_generation = tenant.requested, tenant.generation
    operation.base_spec = tenant.spec if changes else None
    operation.save(update_fields=["state", "base_requested", "base_generation", "base_spec"])
    if changes:
        tenant.spec = spec
        tenant.save(update_fields=["spec"])
        intents.forget_what_was_sent(tenant)
        wakeups.act_on(tenant)
    else:
        intents.bring(operation)
    _note(tenant, operation, "tenants.operation.begin", "its maintenance window has begun")


def _miss(tenant: Tenant, operation: Operation, why: str) -> None:
    error = {
        "code": "WINDOW_MISSED",
        "message": f"It did not begin in its maintenance window. {why}",
        "hint": "Ask for it anew, now or in the next window.",
        "retryable": False,
    }
    mirror.finish(operation, Operation.State.FAILED, error)
    _note(tenant, operation, "tenants.operation.miss_window", "its maintenance window has ended")
    _mail(tenant, operation, "maintenance_missed", why=why)


def _note(tenant: Tenant, operation: Operation, action: str, why: str) -> None:
    audit.record(
        by=Actor.system(why, organization_id=tenant.organization_id),
        action=action,
        organization_id=tenant.organization_id,
        target=tenant.pk,
        data={"operation": operation.pk, "kind": operation.kind, "name": tenant.name, **operation.arguments},
    )


def _mail(tenant: Tenant, operation: Operation, template: str, **more: str) -> None:
    """Tell the tenant's admins, whoever acts."""
    moments = {"begins": operation.scheduled_for, "ends": operation.window_ends_at}
    said = {name: f"{moment:%A, %-d %B %Y, %H:%M} UTC" for name, moment in moments.items() if moment}
    facts = {"tenant": tenant.name, "tenant_id": tenant.pk, "operation_id": operation.pk, **said, **more}
    what = title_of(operation.kind).lower()
    with rls.acting_as(f"org:{tenant.organization_id}"):
        owner_notices.tell_those_who_may("tenant.delete", tenant.organization, template, what=what, **facts)


def _due(now: dt.datetime) -> list[dict[str, str]]:
    due = Q(scheduled_for__lte=now) | Q(scheduled_for__lte=now + NOTICE, announced_at__isnull=True)
    rows = Operation.objects.filter(due, state=Operation.State.SCHEDULED).order_by("scheduled_for")
    return [{"id": row.pk, "organization_id": row.organization_id} for row in rows[:BATCH]]

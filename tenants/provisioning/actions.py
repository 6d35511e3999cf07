"""Every change that people ask of a tenant's life: one transaction each, audited inside it."""

from typing import Any, Unpack

from django.db import IntegrityError, transaction

from billing import actions as billing
from billing.entitlements import Entitlement, entitlement_of
from billing.problems import Suspended
from controlplane import audit
from controlplane.actor import Actor
from controlplane.environment import environment
from organizations import access
from organizations.models import Organization
from organizations.standings import Standing
from tenants.provisioning import identity, intents, mirror, numbering, placement, specs, wakeups
from tenants.provisioning.kinds import KINDS, TO_DELETE, Kind
from tenants.provisioning.models import Cell, Operation, Step, Tenant
from tenants.provisioning.problems import NameTaken, NotPossibleNow, OperationInProgress, PastPointOfNoReturn


@transaction.atomic
def create(
    *,
    by: Actor,
    organization: Organization,
    name: str,
    plan: str | None = None,
    external_id: str = "",
    **wishes: Unpack[specs.Wishes],
) -> tuple[Tenant, Operation]:
    """
    Ask for a new tenant; it is placed, counted and on its way when this returns.

    Node sizes follow the organization's plan; naming another `plan` is refused rather than ignored. Raises
    QuotaExceeded, Suspended, NameTaken, ExternalIdTaken, InvalidPlan, PlanTooLarge, CellFull.
    """
    standing = access.require(by, "tenant.create", organization)
    if plan is not None:
        specs.check_plan(plan, _entitled(organization.pk))
    tenant = make(organization, standing, wishes, name=name, external_id=external_id)
    return tenant, ask(by, tenant, "create", standing, base_requested=Tenant.Requested.STOPPED)


def make(
    organization: Organization,
    standing: Standing,
    wishes: specs.Wishes,
    *,
    name: str,
    external_id: str,
    copy_from: dict[str, str] | None = None,
) -> Tenant:
    """
    Part of an action: a new tenant, placed and counted, which nothing was asked of yet.

    Args:
        copy_from: the tenant and backup whose data it gets; it is placed where they are.
    """
    name = specs.check_name(name)
    entitlement = _entitled(organization.pk)
    specs.check(wishes, entitlement)
    billing.reserve_tenant(organization_id=organization.pk)
    within = copy_from["tenant"][:2] if copy_from else None
    wanted = (wishes.get("version"), wishes.get("images") or {})
    cell = placement.place(organization.jurisdiction, *wanted, within=within)
    spec = specs.build(wishes, entitlement=entitlement, cell=cell)
    tenant = _insert(organization, cell, name, spec, copy_from)
    if external_id:
        numbering.give(tenant, external_id, standing)
    return tenant


@transaction.atomic
def start(*, by: Actor, tenant: Tenant) -> Operation:
    """Ask for a stopped tenant to run. Raises OperationInProgress, NotPossibleNow, Suspended."""
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    _entitled(tenant.organization_id)
    return _ask_while_free(by, tenant, "start", standing)


@transaction.atomic
def stop(*, by: Actor, tenant: Tenant) -> Operation:
    """Ask for a tenant to stop; its data stay. Raises OperationInProgress, NotPossibleNow."""
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    return _ask_while_free(by, tenant, "stop", standing)


@transaction.atomic
def retry(*, by: Actor, operation: Operation) -> Operation:
    """
    Go on with an operation that failed: the same operation, under a higher generation, from the step that failed.

    Raises OperationInProgress, and NotPossibleNow for one that did not fail or that something newer has overtaken.
    """
    standing = access.require(by, permission_for(operation.kind), operation.organization_id)
    tenant = mirror.locked(operation.tenant_id)
    operation.refresh_from_db()
    if operation.state != Operation.State.FAILED or operation.kind not in KINDS:
        raise NotPossibleNow("Only an operation that failed can be retried.")
    if not operation.can_be_retried:
        raise NotPossibleNow(
            "What failed here was taken back or never begun, so that nothing is left to go on with.", "Ask for it anew."
        )
    refuse_while_busy(tenant)
    refuse_overtaken(operation)
    operation.state, operation.error = Operation.State.QUEUED, None
    operation.target_generation = operation.finished_at = None
    operation.save(update_fields=["state", "error", "target_generation", "finished_at"])
    _begin_anew(tenant, operation, KINDS[operation.kind])
    note(by, operation, "tenants.operation.retry", standing)
    return operation


def _begin_anew(tenant: Tenant, operation: Operation, kind: Kind) -> None:
    """From the step that failed under another generation; what changes no spec, from its first step."""
    again = operation.steps.filter(state=Step.State.FAILED) if kind.changes_spec else operation.steps.all()
    again.update(state=Step.State.PENDING, finished_at=None, error=None)
    if kind.changes_spec:
        intents.forget_what_was_sent(tenant)
        wakeups.act_on(tenant)
    else:
        intents.bring(operation)


@transaction.atomic
def cancel(*, by: Actor, operation: Operation) -> Operation:
    """
    Take back an operation that is going on, or scheduled for a window.

    Before it was handed over to the edge it simply ends, and the edge is told what was wanted before: only the next
    claim can know what the edge holds. Afterwards a start is undone by a stop of its own, and what can't be undone (a
    stop, a deletion) goes on: PastPointOfNoReturn.
    """
    standing = access.require(by, "tenant.operate", operation.organization_id)
    tenant = mirror.locked(operation.tenant_id)
    operation.refresh_from_db()
    kind = operation.known_kind
    if operation.state == Operation.State.SCHEDULED:
        mirror.finish(operation, Operation.State.CANCELLED)
        note(by, operation, "tenants.operation.cancel", standing)
        return operation
    if not operation.is_open or kind is None:
        raise NotPossibleNow("Only an operation that is going on, or scheduled, can be cancelled.")
    if kind.instead:
        raise NotPossibleNow("This is not cancelled: it goes on.", kind.instead)
    if operation.handed_over and kind.compensated_by is None:
        raise PastPointOfNoReturn(operation.kind)
    mirror.finish(operation, Operation.State.CANCELLED)
    if operation.handed_over:
        tenant.requested = str(KINDS[str(kind.compensated_by)].aims_at)
        intents.begin(tenant, str(kind.compensated_by), Operation.Source.SYSTEM, **asker(by))
    elif kind.changes_spec:
        tenant.requested = operation.base_requested
        if operation.base_spec is not None:
            tenant.spec = operation.base_spec
            tenant.save(update_fields=["spec"])
        intents.forget_what_was_sent(tenant)
    if kind.changes_spec:
        wakeups.act_on(tenant)
    note(by, operation, "tenants.operation.cancel", standing)
    return operation


def ask(
    by: Actor,
    tenant: Tenant,
    kind: str,
    standing: Standing,
    *,
    base_requested: str | None = None,
    base_spec: dict[str, Any] | None = None,
    **arguments: str,
) -> Operation:
    """
    Open an operation that somebody asks for, have it carried out, and tell it in the trail.

    Part of an action: the caller has judged by which standing and holds the tenant's lock. `base_requested` is what a
    cancelled operation leaves, where that is not what is requested now; so is `base_spec`, of the spec. `arguments` say
    what was asked for beyond the kind.
    """
    base = tenant.requested if base_requested is None else base_requested
    tenant.requested = str(KINDS[kind].aims_at)
    return carry_out(by, tenant, kind, standing, base_requested=base, base_spec=base_spec, arguments=arguments)


def carry_out(by: Actor, tenant: Tenant, kind: str, standing: Standing, **before: Any) -> Operation:
    """The same where what is requested of the tenant stays. Args: before: as `ask` has it."""
    operation = intents.begin(tenant, kind, Operation.Source.USER, **before, **asker(by))
    wakeups.act_on(tenant)
    note(by, operation, f"tenants.tenant.{kind}", standing)
    return operation


def _ask_while_free(by: Actor, tenant: Tenant, kind: str, standing: Standing) -> Operation:
    tenant = mirror.locked(tenant.pk)
    refuse_leaving(tenant)
    refuse_while_busy(tenant)
    return ask(by, tenant, kind, standing)


def _insert(
    organization: Organization, cell: Cell, name: str, spec: dict[str, Any], copy_from: dict[str, str] | None
) -> Tenant:
    key = bytes.fromhex(environment().cell_id_keys[cell.pk])
    tenant = Tenant(
        id=identity.mint(cell.pk, key),
        organization=organization,
        cell=cell,
        name=name,
        spec=spec,
        copy_from=copy_from,
        edge_view=None,
    )
    try:
        with transaction.atomic():
            tenant.save(force_insert=True)
    except IntegrityError as error:
        in_bin = Tenant.objects.filter(organization=organization, name=name, deleted_at=None, erases_at__isnull=False)
        raise NameTaken(name, in_bin=in_bin.exists()) from error
    return tenant


def _entitled(organization_id: str) -> Entitlement:
    entitlement = entitlement_of(organization_id)
    if entitlement.suspended:
        raise Suspended
    return entitlement


def refuse_leaving(tenant: Tenant) -> None:
    """Part of an action. Raises NotPossibleNow for a tenant in the recycle bin, and one that is being erased."""
    if tenant.requested == Tenant.Requested.DELETED:
        raise NotPossibleNow("This tenant is being erased.")
    if tenant.in_bin:
        raise NotPossibleNow("This tenant is in the recycle bin. Nothing was changed.", "Undelete it first.")


def permission_for(kind: str) -> str:
    """What it takes to ask for an operation of this kind, or to have it go on."""
    return "tenant.delete" if kind in TO_DELETE else "tenant.operate"


def refuse_overtaken(operation: Operation) -> None:
    """Part of an action. Raises NotPossibleNow for an operation whose outcome a newer one has settled."""
    newer = Operation.objects.filter(tenant_id=operation.tenant_id, exclusive=True)
    # What was scheduled begins long after it was asked for.
    if newer.filter(created_at__gt=operation.started_at or operation.created_at).exists():
        raise NotPossibleNow(
            "A newer operation of this tenant has taken the place of this one.",
            "Look at the newest one, or start anew.",
        )


def refuse_while_busy(tenant: Tenant) -> None:
    """Part of an action. Raises OperationInProgress while another exclusive operation is going on."""
    busy = mirror.open_operation(tenant)
    if busy is not None:
        raise OperationInProgress(busy.kind, busy.pk)


def asker(by: Actor) -> dict[str, str]:
    """What an operation keeps of who asked for it."""
    return {"requested_by": by.user_id, "requested_with": by.key_id or ""}


def note(by: Actor, operation: Operation, action: str, standing: Standing) -> None:
    """Part of an action: tell an operation in the trail."""
    audit.record(
        by=by,
        action=action,
        organization_id=operation.organization_id,
        target=operation.tenant_id,
        data={"operation": operation.pk, "name": operation.tenant.name, **operation.arguments},
        grant_id=standing.grant_id,
    )

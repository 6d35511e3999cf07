"""What an operation would do, told before it is asked for: its steps, what people notice, and the price."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import transaction

from billing.entitlements import entitlement_of
from billing.models import Plan
from tenants.provisioning.effects import EFFECTS, Effect
from tenants.provisioning.kinds import KINDS
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.prices import money
from tenants.provisioning.timeline import step_words, title_of

Asked = Operation | tuple[Tenant, Operation]


@dataclass(frozen=True)
class Price:
    """
    What is to be paid for a month of running, in US cents, by the price list and before CPU: of the tenant and of its
    whole organization, now and then.
    """

    tenant_before: int
    tenant_after: int
    organization_before: int
    organization_after: int

    @property
    def words(self) -> str:
        """'this tenant $49 → $97, the organization $147 → $195', or that it stays."""
        tenant, organization = (
            (self.tenant_before, self.tenant_after),
            (self.organization_before, self.organization_after),
        )
        if tenant[0] == tenant[1] and organization[0] == organization[1]:
            return f"stays as it is: {money(tenant[1])}"
        return f"this tenant {' → '.join(map(money, tenant))}, the organization {' → '.join(map(money, organization))}"


@dataclass(frozen=True)
class Preview:
    """What would happen."""

    kind: str
    arguments: dict[str, str]
    effect: Effect
    price: Price
    begins_at: dt.datetime | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return title_of(self.kind)

    @property
    def steps(self) -> list[dict[str, str]]:
        """Each step with its title and what it does."""
        words = ((name, *step_words(self.kind, name)) for name in KINDS[self.kind].steps)
        return [{"name": name, "title": title, "note": note} for name, title, note in words]


def foreseen(kind: str, *, organization_id: str, tenant: Tenant | None, plan: Plan | None = None) -> Preview:
    """
    What an operation of a kind would mean, without trying whether it could be had.

    Args:
        tenant: None for one that is yet to be made.
        plan: the plan that the organization would be put on; None for its own.
    """
    own = entitlement_of(organization_id).plan
    return _preview(kind, {}, _paid(own, organization_id, tenant, _runs(tenant)), plan or own, organization_id, tenant)


def try_out(ask: Callable[[], Asked], *, organization_id: str, tenant: Tenant | None) -> Preview:
    """
    What an action would do. It is carried out whole, with all its checks, and taken back before anybody sees of it.

    Args:
        tenant: None where the action makes one.
    Raises whatever the action does.
    """
    before = _paid(entitlement_of(organization_id).plan, organization_id, tenant, _runs(tenant))
    with transaction.atomic():
        asked = ask()
        operation = asked[1] if isinstance(asked, tuple) else asked
        plan = entitlement_of(organization_id).plan
        preview = _preview(operation.kind, operation.arguments, before, plan, organization_id, operation.tenant)
        transaction.set_rollback(True)
    return replace(preview, begins_at=operation.scheduled_for)


def _preview(
    kind: str,
    arguments: dict[str, str],
    before: tuple[int, int],
    plan: Plan,
    organization_id: str,
    tenant: Tenant | None,
) -> Preview:
    # What aims at nothing of its own becomes what is requested anyway.
    aim = KINDS[kind].aims_at or (tenant.requested if tenant else None)
    after = _paid(plan, organization_id, tenant, runs=aim == Tenant.Requested.RUNNING)
    return Preview(kind, arguments, EFFECTS[kind], Price(before[0], after[0], before[1], after[1]))


def _runs(tenant: Tenant | None) -> bool:
    return tenant is not None and tenant.requested == Tenant.Requested.RUNNING and not tenant.in_bin


def _paid(plan: Plan, organization_id: str, tenant: Tenant | None, runs: bool) -> tuple[int, int]:
    """Of one tenant and of all: what is asked to run is paid for, also while it sleeps."""
    others = Tenant.objects.filter(
        organization_id=organization_id, requested=Tenant.Requested.RUNNING, deleted_at=None, erases_at=None
    )
    count = (others.exclude(pk=tenant.pk) if tenant else others).count() + runs
    return plan.price_cents * runs, plan.price_cents * count

"""One thing done with many tenants of the fleet: which ones, what it would do and cost, and begun."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing.entitlements import TRIAL
from billing.models import Plan, Subscription
from controlplane.actor import Actor
from controlplane.problems import Invalid
from fleet.clients import queries
from fleet.clients.filters import Asked
from organizations.models import Organization
from tenants.provisioning.prices import money
from tenants.rollouts import actions, planning
from tenants.rollouts.bulk import AT_ONCE
from tenants.rollouts.models import Rollout
from tenants.rollouts.planning import MOST_AT_ONCE, SKIPS, Foreseen

PAYS = {"start": 1, "stop": -1}
"""Kinds after which a tenant is paid for, or is no more."""


@dataclass(frozen=True)
class Order:
    """What is to be done, with which tenants, and when."""

    kind: str
    tenants: list[str]
    arguments: Mapping[str, Any]
    when: str


@dataclass(frozen=True)
class Outlook:
    """What an order would do with each tenant, and to what is paid a month by the price list, in US cents."""

    order: Order
    targets: Sequence[Foreseen]
    monthly_cents: int

    @property
    def title(self) -> str:
        """What people call it."""
        return AT_ONCE[self.order.kind].title(self.order.arguments)

    @property
    def meanwhile(self) -> str:
        """What people notice."""
        return AT_ONCE[self.order.kind].meanwhile

    @property
    def takes(self) -> int:
        """How many tenants would take it, now or later."""
        return sum(each.outcome != SKIPS for each in self.targets)

    @property
    def price_words(self) -> str:
        """'$98 more a month', or that it costs nothing."""
        if not self.monthly_cents:
            return "What is paid stays as it is."
        more = "more" if self.monthly_cents > 0 else "less"
        return f"{money(abs(self.monthly_cents))} {more} a month, by the price list."


def tenants_of_view(actor: Actor, msp: Organization, view_id: str) -> list[str]:
    """Ids of the tenants of a kept view now. Raises NotFound, and Invalid for no tenant or too many for one order."""
    asked = Asked.read(queries.view(actor, msp, view_id).parameters)
    found = queries.lines(actor, msp, asked).exclude(tenant_id="").order_by("name", "tenant_id")
    ids = list(found.values_list("tenant_id", flat=True)[: MOST_AT_ONCE + 1])
    if not ids:
        raise Invalid("There is no tenant in this view now. Nothing was begun.", field="view")
    if len(ids) > MOST_AT_ONCE:
        raise Invalid(f"There are more than {MOST_AT_ONCE} tenants in this view: narrow it.", field="view")
    return ids


def foresee(actor: Actor, msp: Organization, order: Order) -> Outlook:
    """What an order would do; it is tried with each tenant and taken back. Raises what `start_at_once` does."""
    targets = planning.foresee(actor, msp, order.kind, order.arguments, order.when, {"tenants": order.tenants})
    return Outlook(order, targets, _monthly(order.kind, targets))


def begin(by: Actor, msp: Organization, order: Order) -> Rollout:
    """Have it done. Raises what `start_at_once` does."""
    given: dict[str, Any] = {"kind": order.kind, "arguments": order.arguments, "when": order.when}
    return actions.start_at_once(by=by, organization=msp, tenants=order.tenants, **given)


def _monthly(kind: str, targets: Sequence[Foreseen]) -> int:
    if kind not in PAYS:
        return 0
    owners = [each.tenant.organization_id for each in targets if each.outcome != SKIPS]
    subscribed = Subscription.objects.filter(organization__in=owners).values_list(
        "organization_id", "plan__price_cents"
    )
    prices, trial = dict(subscribed), Plan.objects.get(pk=TRIAL).price_cents
    return PAYS[kind] * sum(prices.get(owner, trial) for owner in owners)

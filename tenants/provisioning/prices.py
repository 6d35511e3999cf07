"""The price list as people choose from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from billing.entitlements import Entitlement
from billing.instances import INSTANCES
from billing.models import Plan
from tenants.provisioning.placement import open_cells


@dataclass(frozen=True)
class PlanCard:
    """One plan to choose; `open` tells whether the asker may choose it."""

    plan: Plan
    price: str
    cost: str
    current: bool
    open: bool
    nodes: list[dict[str, Any]]


def versions_on_offer(jurisdiction: str) -> list[str]:
    """Wazuh versions that an open cell there offers, each once, in the cells' own order (the newest first)."""
    return list(dict.fromkeys(version for cell in open_cells(jurisdiction) for version in cell.versions))


def plan_cards(plans: Iterable[Plan], entitlement: Entitlement, *, may_change: bool) -> list[PlanCard]:
    """Cards of all plans on offer; the organization's own is always open, others to those who manage billing."""
    return [
        PlanCard(
            plan=plan,
            price=money(plan.price_cents),
            cost=money(plan.cost_cents),
            current=plan.pk == entitlement.plan.pk,
            open=may_change or plan.pk == entitlement.plan.pk,
            nodes=[_node(role, size) for role, size in plan.roles.items()],
        )
        for plan in plans
    ]


def money(cents: int) -> str:
    """'$97' or '$97.50'; nothing to pay is said in a word."""
    if cents == 0:
        return "Free"
    return f"${cents // 100:,}" if cents % 100 == 0 else f"${cents / 100:,.2f}"


def size_words(instance: str, *, disk: bool = True) -> str:
    """What an instance size means: '1 vCPU, 6 GiB, 12 GB disk'; nothing for a size that is not known."""
    size = INSTANCES.get(instance)
    if size is None:
        return ""
    words = f"{size.vcpu.normalize():f} vCPU, {size.memory_gib.normalize():f} GiB"
    return f"{words}, {size.disk_gb.normalize():f} GB disk" if disk else words


def _node(role: str, size: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": role,
        "count": size.get("count", 1),
        "instance": size["instance"],
        "words": size_words(size["instance"]),
    }

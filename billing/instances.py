"""
The node sizes that Cloudflare rents out, and what a node that runs all month costs.

Source: Cloudflare Containers, instance types and pricing. Memory and disk are billed for every second a node runs,
whatever it does; CPU is billed by use and is not part of these figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

SECONDS_A_MONTH = Decimal(2_628_000)
USD_PER_GIB_SECOND = Decimal("0.0000025")
USD_PER_DISK_GB_SECOND = Decimal("0.00000007")


@dataclass(frozen=True)
class Instance:
    """One node size: virtual CPUs, memory in GiB, disk in GB."""

    vcpu: Decimal
    memory_gib: Decimal
    disk_gb: Decimal

    @property
    def monthly_usd(self) -> Decimal:
        """What a node of this size costs for a month of running, before CPU."""
        per_second = self.memory_gib * USD_PER_GIB_SECOND + self.disk_gb * USD_PER_DISK_GB_SECOND
        return per_second * SECONDS_A_MONTH


def _instance(vcpu: str, memory_gib: str, disk_gb: str) -> Instance:
    return Instance(Decimal(vcpu), Decimal(memory_gib), Decimal(disk_gb))


INSTANCES: dict[str, Instance] = {
    "lite": _instance("0.0625", "0.25", "2"),
    "basic": _instance("0.25", "1", "4"),
    "standard-1": _instance("0.5", "4", "8"),
    "standard-2": _instance("1", "6", "12"),
    "standard-3": _instance("2", "8", "16"),
    "standard-4": _instance("4", "12", "20"),
}


def monthly_cents(roles: Mapping[str, Mapping[str, Any]]) -> int:
    """
    What the nodes of one running tenant cost a month, in US cents, before CPU.

    Args:
        roles: role name → `{"count": nodes, "instance": size}`, as in a tenant's plan.
    """
    usd = sum((INSTANCES[role["instance"]].monthly_usd * role["count"] for role in roles.values()), Decimal(0))
    return int((usd * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))

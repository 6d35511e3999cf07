"""
Whether a tenant's alerts fit its indexer: agents × days against the disk.

The edge judges a plan by the same formula (`worker/src/plan_size.ts`) and refuses what does not fit;
`tests/contract/plan_sizes.json` holds the cases that both agree on. An alert can be searched in the indexer for
`retention_days` and lies in the archive for `archive_days`, so only the former takes disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.instances import INSTANCES

AGENT_MB_A_DAY = 17
"""What one agent's alerts take in the index a day: a workstation by Wazuh's sizing guide (1.5 GB in 90 days). A server
takes 41, a network device 82."""

USABLE_PERCENT = 85
"""Above this OpenSearch places no index on a node any more."""

OWN_MB = 1000
"""What a node needs for itself: logs, translog, segments that are being merged."""

SHARDS_A_NODE = 1000
"""OpenSearch makes no index beyond this many shards a node."""

INDICES_A_DAY = 2
"""Wazuh makes two indices a day: alerts and archives."""


@dataclass(frozen=True)
class DiskNeed:
    """
    What a plan's alerts take of the indexer's disk, and what there is, in MB.

    `most_days` are the most days that the agents leave room for (None where there are none), `most_agents`
    the most agents of which the days can be held.
    """

    agents: int
    days: int
    copies: int
    needed_mb: int
    room_mb: int
    most_days: int | None
    most_agents: int

    @property
    def fault(self) -> str | None:
        """Why it does not fit, with the arithmetic; None where it does."""
        if self.needed_mb <= self.room_mb:
            return None
        copies = f" × {self.copies} copies" if self.copies > 1 else ""
        product = f"{self.agents} agents × {_days(self.days)} × {AGENT_MB_A_DAY} MB{copies}"
        ways = [_days(self.most_days)] if self.most_days else []
        return (
            f"{product} = {_gigabytes(-(-self.needed_mb // 100))}, and the indexer's disk holds "
            f"{_gigabytes(self.room_mb // 100)} of alerts: "
            f"at most {', or '.join([*ways, f'{self.most_agents} agents'])}, or a larger indexer."
        )


def copies_of(indexer: Mapping[str, Any], replicas: int | None) -> int:
    """How often the indexer's nodes hold each alert: one keeps it once, several twice unless more is asked for."""
    return 1 + (min(indexer["count"] - 1, 1) if replicas is None else replicas)


def needed(indexer: Mapping[str, Any], *, agents: int, days: int, replicas: int | None = None) -> DiskNeed:
    """
    The arithmetic for one tenant.

    Args:
        indexer: `{"count": nodes, "instance": size}`, as in a tenant's plan.
        agents: how many may be enrolled.
        days: how many can be searched, 1 or more, today's among them.
        replicas: copies of each index beside the first; None for as many as so many nodes keep by themselves.
    """
    room = int(indexer["count"] * (INSTANCES[indexer["instance"]].disk_gb * 10 * USABLE_PERCENT - OWN_MB))
    copies = copies_of(indexer, replicas)
    copied = AGENT_MB_A_DAY * copies
    return DiskNeed(
        agents=agents,
        days=days,
        copies=copies,
        needed_mb=agents * days * copied,
        room_mb=room,
        most_days=room // (agents * copied) if agents else None,
        most_agents=room // (days * copied),
    )


def shard_fault(indexer: Mapping[str, Any], *, days: int, shards: int = 1, replicas: int | None = None) -> str | None:
    """Why so many days make too many shards for the indexer's nodes; None where they do not."""
    total, room = INDICES_A_DAY * days * shards * copies_of(indexer, replicas), SHARDS_A_NODE * indexer["count"]
    if total <= room:
        return None
    return f"{INDICES_A_DAY} indices a day × {_days(days)} make {total} shards, and {room} can be had."


def searchable_days(indexer: Mapping[str, Any], *, agents: int, most: int) -> int:
    """As many days as fit for so many agents, at most `most`; 1 where not even one does."""
    fitting = needed(indexer, agents=agents, days=1).most_days
    return max(1, min(most, most if fitting is None else fitting))


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"


def _gigabytes(tenths: int) -> str:
    """Tenths as integers, so that both sides round alike."""
    return f"{tenths // 10}.{tenths % 10} GB"

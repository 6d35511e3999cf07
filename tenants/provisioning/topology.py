"""
The picture of a tenant: Worker → tenant object → nodes, with what each is doing.

Pure: it reads the last view of the edge, or before the first one the plan, and gives boxes and wires with their places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from controlplane.marks import UNKNOWN, Mark
from tenants.provisioning.marks import NODE, of_health
from tenants.provisioning.prices import size_words

ROLE_ORDER = ("manager", "indexer", "dashboard", "certs")
ICONS = {"manager": "server", "indexer": "hard-drive", "dashboard": "gauge", "certs": "file-badge"}
TASKS = {
    "manager": "Receives the agents and judges their logs by rules.",
    "indexer": "Stores the alerts and searches them.",
    "dashboard": "Wazuh's own pages, opened from here.",
    "certs": "Makes the certificates of this tenant, then stops.",
}
BOX_HEIGHT = 58
NODE_STEP = 74
TALL_STEP = 70
TALL_FIRST = 184
OBJECT_CENTRE = 281
NODE_LEFT = 432

BOX_CLASSES = {"starting": "t-node-working", "stopping": "t-node-working", "failed": "t-node-failed"}
WIRE_CLASSES = {"running": "t-live", "starting": "t-wait", "stopping": "t-wait", "failed": "t-broken"}
QUIET = frozenset(("absent", "stopped"))
ILL = frozenset(("attention", "failed"))
"""Tones of a node's health that say more than that it runs."""


@dataclass(frozen=True)
class Node:
    """One node of a tenant as its page shows it; `key` names it in addresses."""

    key: str
    role: str
    label: str
    icon: str
    task: str
    mark: Mark
    state: str
    sub: str
    image: str
    instance: str
    size: str
    started_at: str | None
    restarts: int
    exit_code: int | None
    health: Mark | None
    health_since: str | None
    y: float = 0.5
    tall_y: float = 0.5
    picked: bool = False

    @property
    def box(self) -> str:
        """Class of its box."""
        return BOX_CLASSES.get(self.state, "t-node-off" if self.state in QUIET else "")

    @property
    def wire(self) -> str:
        """Class of the wire that leads to it."""
        return WIRE_CLASSES.get(self.state, "")

    @property
    def middle(self) -> float:
        """Where the wire ends, in the wide picture."""
        return self.y + BOX_HEIGHT / 2

    @property
    def tall_middle(self) -> float:
        """Where the wire ends, in the tall picture."""
        return self.tall_y + BOX_HEIGHT / 2

    @property
    def tall_turn(self) -> float:
        """Where the wire leaves the trunk, in the tall picture."""
        return self.tall_middle - 6


@dataclass(frozen=True)
class Topology:
    """Everything the two drawings need."""

    nodes: Sequence[Node]
    picked: Node
    height: int
    tall_height: int
    centre: float
    reached: bool
    worker_sub: str
    object_sub: str
    agents_sub: str
    trunk: str

    @property
    def head_y(self) -> float:
        """Top of the boxes of Worker and tenant object in the wide picture."""
        return self.centre - BOX_HEIGHT / 2

    @property
    def counts(self) -> str:
        """'4 nodes, one is starting'."""
        total = f"{len(self.nodes)} node" + ("" if len(self.nodes) == 1 else "s")
        busy = [node for node in self.nodes if node.state != "running"]
        ill = [node for node in self.nodes if node.state == "running" and node.mark.tone in ILL]
        if not busy and ill:
            return f"{total}, {len(ill)} not well"
        if not busy:
            return f"{total}, all running"
        words = sorted({node.mark.word.lower() for node in busy})
        return f"{total}, {len(busy)} {words[0]}" if len(words) == 1 else f"{total}, {len(busy)} not running"


def draw(spec: Mapping[str, Any], view: Mapping[str, Any] | None, picked: str = "") -> Topology:
    """
    Place a tenant's nodes.

    Args:
        spec: the tenant's plan, for the time before the edge has answered.
        view: the last TenantView of the edge, or None.
        picked: key of the node whose facts are shown; without it, the one that most needs a look.
    """
    nodes = _placed(_all(spec, view))
    chosen = next((node for node in nodes if node.key == picked), None) or _most_telling(nodes)
    nodes = [replace(node, picked=node.key == chosen.key) for node in nodes]
    height = NODE_STEP * len(nodes) + 8
    agents = (view or {}).get("agents") or {}
    return Topology(
        nodes=nodes,
        picked=chosen,
        height=height,
        tall_height=TALL_FIRST + TALL_STEP * len(nodes) + 8,
        centre=(nodes[0].middle + nodes[-1].middle) / 2,
        reached=view is not None,
        worker_sub=_worker_words(view),
        object_sub=f"generation {view['generation']}" if view else "not made yet",
        agents_sub=f"{agents['active']} of {agents['enrolled']} agents" if agents.get("enrolled") else "no agents yet",
        trunk=_trunk(nodes),
    )


def _trunk(nodes: Sequence[Node]) -> str:
    """Class of the wire that all nodes share."""
    wires = {node.wire for node in nodes}
    return next((wire for wire in ("t-live", "t-wait") if wire in wires), "")


def _worker_words(view: Mapping[str, Any] | None) -> str:
    if view is None:
        return "not asked yet"
    kept = (view.get("stream") or {}).get("seq") or 0
    return f"{kept:,} event{'' if kept == 1 else 's'} kept" if kept else "no events yet"


def _all(spec: Mapping[str, Any], view: Mapping[str, Any] | None) -> list[Node]:
    """The nodes that the edge tells of, and those of the plan that it has not come to yet."""
    seen = {(row["role"], row.get("n", 0)): row for row in (view or {}).get("nodes") or [] if not _is_done(row)}
    rows = {**_planned(spec), **seen}
    counts = {role: sum(key[0] == role for key in rows) for role, _ in rows}
    version = str((view or {}).get("version") or spec.get("version") or "")
    return sorted((_node(row, counts, version) for row in rows.values()), key=_order)


def _is_done(row: Mapping[str, Any]) -> bool:
    # The certificate node is gone for good reason once it has minted: it would look like something missing.
    return row["role"] == "certs" and row["state"] in QUIET


def _planned(spec: Mapping[str, Any]) -> dict[tuple[str, int], Mapping[str, Any]]:
    roles = spec.get("roles") or {role: {"count": 1} for role in ("manager", "indexer", "dashboard")}
    return {
        (role, n): {"role": role, "n": n, "state": "absent", "instance": plan.get("instance", "")}
        for role, plan in roles.items()
        for n in range(plan.get("count", 1))
    }


def _order(node: Node) -> tuple[int, str]:
    return ROLE_ORDER.index(node.role) if node.role in ROLE_ORDER else len(ROLE_ORDER), node.key


def _node(row: Mapping[str, Any], counts: Mapping[str, int], version: str) -> Node:
    role, n, state = str(row["role"]), int(row.get("n", 0)), str(row["state"])
    mark = NODE.get(state, UNKNOWN)
    known = row.get("health") or {}
    health = of_health(known) if state == "running" else None
    if health is not None and health.tone in ILL:
        mark = health
    image = str(row.get("image") or "")
    shown = image.rsplit(":", 1)[-1] if ":" in image else version
    return Node(
        key=f"{role}-{n}",
        role=role,
        label=f"{role}-{n + 1}" if counts.get(role, 1) > 1 else role,
        icon=ICONS.get(role, "server"),
        task=TASKS.get(role, ""),
        mark=mark,
        state=state,
        sub=", ".join(part for part in (shown, mark.word.lower()) if part),
        image=image,
        instance=str(row.get("instance") or ""),
        size=size_words(str(row.get("instance") or ""), disk=False),
        started_at=row.get("started_at"),
        restarts=int(row.get("restarts") or 0),
        exit_code=row.get("exit_code"),
        health=health,
        health_since=known.get("since"),
    )


def _placed(nodes: Sequence[Node]) -> list[Node]:
    return [
        replace(node, y=8.5 + NODE_STEP * place, tall_y=TALL_FIRST + 0.5 + TALL_STEP * place)
        for place, node in enumerate(nodes)
    ]


def _most_telling(nodes: Sequence[Node]) -> Node:
    ranked = {
        state: rank for rank, state in enumerate(("failed", "starting", "stopping", "failing", "warning", "running"))
    }
    return min(nodes, key=lambda node: ranked.get(_trouble_of(node), len(ranked)))


def _trouble_of(node: Node) -> str:
    """Its state; of a node that runs and is not well, how it is."""
    return node.mark.word.lower() if node.state == "running" and node.mark.tone in ILL else node.state

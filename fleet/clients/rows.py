"""Lines of the fleet, ready to be read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from controlplane.marks import Mark
from fleet.clients.filters import FILTERS, NO_TENANT, SORTS, Asked
from fleet.clients.models import FleetView
from fleet.clients.queries import SUMMED_UP, tenant_of
from organizations.frame import home_url
from organizations.models import Organization
from tenants.provisioning import marks
from tenants.provisioning.models import Step, Tenant
from tenants.provisioning.rows import TenantRow, row_of, state_words
from tenants.provisioning.statuses import GRAVITY
from tenants.provisioning.timeline import tell

MOST_COUNTED = 99
WITHOUT_TENANT = Mark("off", "circle-dashed", "No tenant")


@dataclass(frozen=True)
class Line:
    """One tenant of a client, or a client without one. `row` gives the cells that tenants' lists have too."""

    client_id: str
    client_name: str
    is_own: bool
    plan: str
    state: str
    row: TenantRow | None
    can_create: bool
    simulated: bool

    @property
    def key(self) -> str:
        """Id of the line."""
        return self.row.tenant.pk if self.row else self.client_id

    @property
    def url(self) -> str:
        """Where its client's tenants are."""
        return home_url(self.client_id)

    @property
    def ring_words(self) -> str:
        """In which ring a roll-out reaches it."""
        return Tenant.Ring(self.row.tenant.ring).label if self.row else ""


def line_of(found: Mapping[str, Any], msp: Organization, under_way: Mapping[str, Sequence[Step]]) -> Line:
    """One line of `queries.lines`. Args: under_way: steps of what goes on, by tenant."""
    tenant, steps = tenant_of(found), under_way.get(found["tenant_id"], ())
    timeline = tell(steps[0].operation, steps) if steps else None
    runtime = ((tenant.edge_view if tenant else None) or {}).get("runtime") or found["t__cell__runtime"]
    return Line(
        client_id=found["id"],
        client_name=found["name"],
        is_own=found["id"] == msp.pk,
        plan=found["plan_name"],
        state=found["health"],
        row=row_of(tenant, timeline) if tenant else None,
        can_create=found["may_create"],
        simulated=runtime == "stand-in",
    )


def summed_up(states: Sequence[str]) -> Mark:
    """
    How the fleet is in a few words: '1 failed, 3 need attention', in the tone of the worst.

    Args: states: of the gravest lines, at most `SUMMED_UP`; more than 99 of a kind are not counted.
    """
    counts = Counter(states)
    worst = [state for state in GRAVITY if counts[state] and state != "running"]
    if not worst:
        return marks.TENANT["running"].saying(word="All running" if counts["running"] else "Nothing runs yet")
    # Where the look ended, there may be more of the last state.
    cut = states[-1] if len(states) == SUMMED_UP else ""
    said = [f"{counted(counts[state], more=state == cut)} {state_words(state, counts[state])}" for state in worst]
    return marks.TENANT[worst[0]].saying(word=", ".join(said[:2]))


def counted(count: int, *, more: bool = False) -> str:
    """'3', or '99+' for more than are worth counting. Args: more: whether there may be more than were counted."""
    return f"{min(count, MOST_COUNTED)}+" if more or count > MOST_COUNTED else str(count)


def mark_of(state: str) -> Mark:
    """How a state looks."""
    return WITHOUT_TENANT if state == NO_TENANT else marks.TENANT[state]


def chips(asked: Asked) -> list[dict[str, Any]]:
    """What narrows the list now, each with the address of the list without it."""
    return [
        {
            "label": FILTERS[name].words,
            "value": " or ".join(FILTERS[name].said(value) for value in values),
            "url": f"?{asked.address(without=name)}",
        }
        for name, values in asked.values.items()
    ]


def quick_chips(asked: Asked) -> list[dict[str, Any]]:
    """What is looked for most, while nothing narrows the list."""
    quick = [
        ("state", "failed"),
        ("state", "attention"),
        ("certificate", "soon"),
        ("agents", "silent"),
        ("operation", "open"),
    ]
    return [
        {
            "label": FILTERS[name].said(value)
            if name == "state"
            else f"{FILTERS[name].words}: {_going_on(FILTERS[name].said(value))}",
            "mark": mark_of(value) if name == "state" else None,
            "url": f"?{asked.address(without=name, **{name: value})}",
        }
        for name, value in quick
        if name not in asked.values
    ]


def tabs(views: Sequence[FleetView], asked: Asked, current: str) -> list[dict[str, Any]]:
    """Everything, then each saved view."""
    everything = {"label": "All clients", "url": "?", "current": not current and not asked.values, "shared": False}
    return [everything] + [
        {
            "label": view.name,
            "url": f"?{urlencode({'view': view.pk})}",
            "current": view.pk == current,
            "shared": view.shared,
        }
        for view in views
    ]


def sorts(asked: Asked) -> list[dict[str, Any]]:
    """Orders to choose from."""
    return [
        {"label": words, "url": f"?{Asked(asked.values, name).address()}", "current": name == asked.sort}
        for name, (words, _) in SORTS.items()
    ]


def sort_words(asked: Asked) -> str:
    """By what the list is sorted."""
    return f"Sorted by {_going_on(SORTS[asked.sort][0])}"


def _going_on(words: str) -> str:
    """The words as they stand within a sentence."""
    return f"{words[:1].lower()}{words[1:]}"


def span_words(lines: Sequence[Line]) -> str:
    """From which client to which a page goes."""
    return f"{lines[0].client_name} to {lines[-1].client_name}" if lines else ""

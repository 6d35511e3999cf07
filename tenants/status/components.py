"""What the platform consists of for whoever uses it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings

from organizations.models import Organization
from tenants.provisioning.models import Cell
from tenants.status import probes
from tenants.status.probes import Reading

PORTAL = "Portal"


@dataclass(frozen=True)
class Component:
    """One line of the status page: its key in rows and addresses, its name, what it is part of, and its check."""

    key: str
    name: str
    group: str
    check: Callable[[], Reading]

    @property
    def full_name(self) -> str:
        """'Edge, European Union (eu): event streams', where nothing around it names the group."""
        return self.name if self.group == PORTAL else f"{self.group}: {self.name.lower()}"


def of_portal() -> list[Component]:
    """What is the portal's own. The API refuses who has no key: that answer comes from the API itself."""
    base = settings.BASE_URL
    return [
        Component("portal", "Portal", PORTAL, lambda: probes.portal_is_ready(f"{base}/readyz")),
        Component("sign-in", "Sign-in", PORTAL, lambda: probes.answers(f"{base}/sign-in/", 200)),
        Component("api", "API", PORTAL, lambda: probes.answers(f"{base}/api/v1/tenants", 401)),
        Component("work", "Background work", PORTAL, probes.work_is_done),
    ]


def of_cell(cell: Cell) -> list[Component]:
    """One edge deployment with its doors."""
    base = cell.base_url.rstrip("/")
    doors: tuple[tuple[str, str, Callable[[], Reading]], ...] = (
        ("edge", "Registry and control", lambda: probes.answers(f"{base}/readyz", 200)),
        ("enroll", "Enrollment of agents", lambda: probes.refuses("POST", f"{base}/api/agents/enroll")),
        ("events", "Event streams", lambda: probes.refuses("GET", f"{base}/api/events")),
        ("changes", "News of tenants", lambda: probes.changes_are_read(cell.pk)),
    )
    return [Component(f"{cell.pk}-{door}", name, group_of(cell), check) for door, name, check in doors]


def group_of(cell: Cell) -> str:
    """A cell as its users know it: where it keeps their data, and its id, because a place may have several."""
    place = Organization.Jurisdiction(cell.jurisdiction).label if cell.jurisdiction else "any place"
    return f"Edge, {place} ({cell.pk})"


def everything() -> list[Component]:
    """Every component, in the order of the page."""
    cells: Iterable[Cell] = Cell.objects.order_by("id")
    return [*of_portal(), *(each for cell in cells for each in of_cell(cell))]

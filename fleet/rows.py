"""An MSP's clients ready to be read: each client with its tenants, or with the word that it has none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controlplane.marks import Mark
from organizations.frame import home_url
from organizations.models import Organization
from tenants.provisioning.marks import TENANT
from tenants.provisioning.rows import TenantRow

NO_TENANT = "none"


@dataclass(frozen=True)
class ClientRow:
    """One tenant of a client, or a client without one. `row` gives the cells that tenants' lists have too."""

    client: Organization
    row: TenantRow | None
    url: str
    can_create: bool

    @property
    def key(self) -> str:
        """Id of the line."""
        return self.row.tenant.pk if self.row else self.client.pk

    @property
    def status(self) -> str:
        """State of its tenant."""
        return self.row.status if self.row else NO_TENANT


def client_rows(clients: Iterable[Organization], rows: Sequence[TenantRow], may_create: set[str]) -> list[ClientRow]:
    """Lines in the order of the clients' names; a client with several tenants has a line for each."""
    found: list[ClientRow] = []
    for client in clients:
        own: list[TenantRow | None] = [row for row in rows if row.tenant.organization_id == client.pk]
        can_create = client.pk in may_create
        found += [ClientRow(client, row, home_url(client.pk), can_create) for row in own or [None]]
    return found


def chips(rows: Sequence[ClientRow], wanted: str) -> list[dict[str, object]]:
    """One filter for each state that occurs, the gravest first."""
    order = [*("failed", "attention", "provisioning", "stopping", "stopped", "sleeping", "running"), NO_TENANT]
    counts = {status: sum(row.status == status for row in rows) for status in order}
    everything = {"label": "All", "url": "?", "count": len(rows), "current": not wanted, "mark": None}
    return [everything] + [
        {
            "label": mark_of(status).word,
            "url": f"?state={status}",
            "count": count,
            "current": status == wanted,
            "mark": mark_of(status),
        }
        for status, count in counts.items()
        if count
    ]


def mark_of(status: str) -> Mark:
    """How a state looks; 'none' is a client without a tenant."""
    return TENANT.get(status, Mark("off", "circle-dashed", "No tenant"))

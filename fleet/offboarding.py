"""What the edge has confirmed of a technician's departure."""

from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import Delivery
from organizations import queries as organizations
from organizations.models import Offboarding, Organization
from tenants.access.models import Revocation
from tenants.access.revocations import TERMS


@dataclass(frozen=True)
class Confirmed:
    """Revocations of tenants' edges: asked for, confirmed, and how many open sessions were closed by them."""

    asked: int
    confirmed: int
    closed: int
    waiting: int

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be told or confirmed."""
        return not self.waiting and self.confirmed == self.asked


def confirmed_by_edge(actor: Actor, msp: Organization, receipt: Offboarding) -> Confirmed:
    """
    What became of a departure at the edges of the MSP's and its clients' tenants.

    A client that has withdrawn since is asked too: only numbers are told. Raises NotFound, Forbidden.
    """
    organizations.offboarding(actor, msp, receipt.pk)
    numbers = {"asked": 0, "confirmed": 0, "closed": 0, "waiting": 0}
    for organization_id in {msp.pk, *receipt.clients}:
        with rls.reading_as(f"org:{organization_id}"):
            found = _of(receipt, organization_id)
            for name, value in found.items():
                numbers[name] += value or 0
            numbers["waiting"] += _untold(organization_id, receipt)
    return Confirmed(**numbers)


def _of(receipt: Offboarding, organization_id: str) -> dict[str, int | None]:
    whose = Q(terms__subject=receipt.user_id)
    for key_id in receipt.key_ids:
        whose |= Q(terms__session=key_id)
    rows = Revocation.objects.filter(whose, organization_id=organization_id, created_at__gte=receipt.created_at)
    return rows.aggregate(
        asked=Count("id"), confirmed=Count("id", filter=Q(acknowledged_at__isnull=False)), closed=Sum("closed")
    )


def _untold(organization_id: str, receipt: Offboarding) -> int:
    """Facts of an organization about this person that have yet to be turned into revocations."""
    about = Delivery.objects.filter(organization_id=organization_id, message__topic__in=TERMS, delivered_at=None)
    return about.filter(message__payload__user=receipt.user_id).count()

"""How far whoever belongs to an organization reaches at most."""

from organizations.models import Grant
from organizations.standings import current


def reach_of(organization_id: str) -> list[str]:
    """Ids of the organizations whose tenants a member may reach: their own and its clients. Nobody's leave is asked."""
    clients = Grant.objects.filter(current(), msp_id=organization_id).values_list("client_id", flat=True)
    return [organization_id, *clients]

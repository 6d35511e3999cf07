"""What a proven domain is good for: whose addresses count as verified, and where the sign-in page leads them."""

from controlplane import rls
from organizations.domain_names.names import domain_of
from organizations.models import Connection, Domain, Organization


def proves(organization: Organization, email: str) -> bool:
    """Whether `email` lies in a domain that the organization proved. A domain does not stand for those below it."""
    name = domain_of(email)
    return bool(name) and Domain.objects.filter(organization=organization, name=name, state__in=Domain.COUNTS).exists()


def takes_requests(organization: Organization, email: str) -> bool:
    """Whether people with such an address may ask to join: a domain that counts, where the organization wants it."""
    mine = Domain.objects.filter(organization=organization, state__in=Domain.COUNTS, join_requests=True)
    return mine.filter(name=domain_of(email)).exists()


def connection_for(email: str) -> Connection | None:
    """
    Where the sign-in page leads somebody with this address, before anybody is signed in.

    None unless the domain's owner wants that (a proven domain with a connection that is switched on): whoever types an
    address of any other domain sees what everybody sees.
    """
    name = domain_of(email)
    rows = rls.call("organizations_connection_of_domain", name, otherwise=lambda: _on_sqlite(name)) if name else []
    found = next(iter(rows), None)
    if found is None:
        return None
    with rls.reading_as(f"org:{found['organization_id']}"):
        return Connection.objects.select_related("organization").filter(pk=found["connection_id"]).first()


def _on_sqlite(name: str) -> list[dict[str, str]]:
    rows = Domain.objects.filter(
        name=name, state__in=Domain.COUNTS, connection__state=Connection.State.ENABLED, organization__state="active"
    )
    return [{"organization_id": row.organization_id, "connection_id": str(row.connection_id)} for row in rows]

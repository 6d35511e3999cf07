"""Reading an organization's audit trail, for whoever may."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.models import AuditEntry
from controlplane.problems import NotFound
from organizations.access import require
from organizations.models import Organization
from organizations.trail.search import SearchForm, found


def entries(actor: Actor, organization: Organization, form: SearchForm) -> QuerySet[AuditEntry]:
    """The entries of a valid search. Raises NotFound, Forbidden."""
    require(actor, "audit.view", organization)
    return found(organization.pk, form)


def entries_after(actor: Actor, organization: Organization, position: int, limit: int) -> list[AuditEntry]:
    """
    The next entries of the chain, the oldest first, at most `limit`.

    None is passed over: a chain's entries are written one after another, so none with a smaller position comes later.
    Raises NotFound, Forbidden.
    """
    require(actor, "audit.view", organization)
    chain = AuditEntry.objects.filter(organization_id=organization.pk, position__gt=position)
    return list(chain.order_by("position")[:limit])


def entry(actor: Actor, organization: Organization, entry_id: str) -> AuditEntry:
    """One entry of the organization's own chain. Raises NotFound, Forbidden."""
    require(actor, "audit.view", organization)
    one = AuditEntry.objects.filter(organization_id=organization.pk, pk=entry_id).first()
    if one is None:
        raise NotFound
    return one

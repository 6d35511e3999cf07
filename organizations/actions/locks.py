"""The lock under which an organization's members, keys, connections, domains and demands are decided about."""

from organizations.models import Organization


def locked_organization(organization_id: str) -> Organization:
    """
    The organization with its row locked: until the transaction's end only the caller decides about what is its own.

    What the decision rests on is read after this: what was read before may be history by now.
    """
    return Organization.objects.select_for_update().get(pk=organization_id)

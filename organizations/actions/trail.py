"""Taking an audit trail out of the portal."""

from collections.abc import Mapping

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.models import AuditHead
from organizations.access import require
from organizations.models import Organization


def export(*, by: Actor, organization: Organization, kind: str, search: Mapping[str, str], after: int) -> int:
    """
    Note that somebody takes the trail, or what a search finds of it, out of the portal.

    Args: kind: csv or jsonl; search: as the address holds it; after: the entry behind which it begins.
    Returns the position up to which the file goes. Raises NotFound, Forbidden, NotConfirmed.
    """
    standing = require(by, "audit.view", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        head = AuditHead.objects.filter(pk=organization.pk).first()
        audit.record(
            by=by,
            action="organizations.audit.export",
            organization_id=organization.pk,
            target=organization.pk,
            data={
                "format": kind,
                **({"search": dict(search)} if search else {}),
                **({"after": after} if after else {}),
            },
            grant_id=standing.grant_id,
        )
    return head.position if head else 0

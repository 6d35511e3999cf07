"""What an organization's trail tells: what was done, and that somebody took it out of the portal."""

from collections.abc import Mapping
from typing import Any

from controlplane import audit, rls
from controlplane.actor import Actor
from controlplane.models import AuditHead
from organizations.access import require
from organizations.models import Organization
from organizations.standings import Standing


def record(by: Actor, standing: Standing | str | None, action: str, target: str, /, **data: Any) -> None:
    """
    Audit what was done, in the caller's transaction.

    Args: standing: by which the asker did it; or the organization's id alone, where nobody's standing was asked for;
    None for the platform's own trail; data: as `audit.record` takes it.
    """
    organization_id, grant_id = standing if isinstance(standing, str) else None, None
    if isinstance(standing, Standing):
        organization_id, grant_id = standing.organization_id, standing.grant_id
    audit.record(by=by, action=action, organization_id=organization_id, target=target, data=data, grant_id=grant_id)


def export(*, by: Actor, organization: Organization, kind: str, search: Mapping[str, str], after: int) -> int:
    """
    Note that somebody takes the trail, or what a search finds of it, out of the portal.

    Args: kind: csv or jsonl; search: as the address holds it; after: the entry behind which it begins.
    Returns the position up to which the file goes. Raises NotFound, Forbidden, NotConfirmed.
    """
    standing = require(by, "audit.view", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        head = AuditHead.objects.filter(pk=organization.pk).first()
        told = {"search": dict(search) or None, "after": after or None}
        given = {name: value for name, value in told.items() if value}
        record(by, standing, "organizations.audit.export", organization.pk, format=kind, **given)
    return head.position if head else 0

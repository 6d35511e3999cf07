"""
What this room publishes when somebody's reach ends or shrinks.

Subscribers close what it covered at the edge. Every payload says `before` (what was opened before it is concerned),
`organizations` (whose tenants) and what is known of `user`, `grant`, `connection`, `session`, `key` and `organization`
(everybody who entered it).
"""

from collections.abc import Iterable

from django.utils import timezone

from controlplane import outbox
from controlplane.ids import new_id

ORGANIZATION_CREATED = "organizations.organization.created"
MEMBERSHIP_ENDED = "organizations.membership.ended"
MEMBERSHIP_BLOCKED = "organizations.membership.blocked"
ROLE_CHANGED = "organizations.membership.role_changed"
GRANT_LIMITED = "organizations.grant.limited"
GRANT_ENDED = "organizations.grant.ended"
CONNECTION_DISABLED = "organizations.connection.disabled"
SIGN_IN_DEMANDED = "organizations.membership.sign_in_demanded"
ENTRY_DEMANDED = "organizations.entry.demanded"
ENTRY_OF_MSP_DEMANDED = "organizations.grant.entry_demanded"
SECOND_FACTOR_DISTRUSTED = "organizations.connection.second_factor_distrusted"
SIGN_IN_REFUSED = "organizations.session.refused"
SESSION_ENDED = "organizations.session.ended"
EMERGENCY_ENDED = "organizations.emergency_access.ended"
WORK_ENDED = "organizations.work.ended"
KEY_REVOKED = "organizations.api_key.revoked"
BREAK_GLASS_USED = "organizations.break_glass.used"
CERTIFICATE_ENDING = "organizations.connection.certificate_ending"
DOMAIN_MISSING = "organizations.domain.missing"
DOMAIN_WITHDRAWN = "organizations.domain.withdrawn"


def publish(topic: str, *, organization_id: str, organizations: Iterable[str] = (), **known: str) -> None:
    """Publish one fact in the caller's transaction. `organizations` defaults to the one it happened in."""
    outbox.publish(
        topic,
        key=new_id("fact"),
        organization_id=organization_id,
        payload={
            "before": timezone.now().isoformat(),
            "organizations": sorted({organization_id, *organizations}),
            **known,
        },
    )

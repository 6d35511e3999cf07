"""
What this room publishes, for whoever listens: mostly that somebody's reach ended or shrank, also news of its rows.

Every payload says `before`, the moment of the fact, and `organizations`, whom it concerns: the one that it happened in,
and of what members reach its clients too. The rest is said by each fact. By `user`, `grant`, `connection`, `session`,
`key` or `organization` (everybody who entered it) subscribers find what was opened at the edge before, and close it.
"""

from collections.abc import Iterable

from django.utils import timezone

from controlplane import outbox
from controlplane.ids import new_id
from organizations.msp.reach import reach_of

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
SESSION_ENDED = "organizations.session.ended"
EMERGENCY_ENDED = "organizations.emergency_access.ended"
WORK_ENDED = "organizations.work.ended"
KEY_REVOKED = "organizations.api_key.revoked"
KEY_SHORTENED = "organizations.api_key.shortened"
BREAK_GLASS_USED = "organizations.break_glass.used"
CERTIFICATE_ENDING = "organizations.connection.certificate_ending"
DOMAIN_MISSING = "organizations.domain.missing"
DOMAIN_WITHDRAWN = "organizations.domain.withdrawn"

# What a member of an MSP loses, they lose in its clients as well.
OF_MEMBERS = frozenset(
    {
        MEMBERSHIP_ENDED,
        MEMBERSHIP_BLOCKED,
        ROLE_CHANGED,
        CONNECTION_DISABLED,
        SIGN_IN_DEMANDED,
        SECOND_FACTOR_DISTRUSTED,
        SESSION_ENDED,
        KEY_REVOKED,
        KEY_SHORTENED,
    }
)


def publish(topic: str, *, organization_id: str, **known: str) -> None:
    """Publish one fact of an organization in the caller's transaction. Args: known: what else the payload says."""
    _publish(topic, organization_id, _concerned(topic, organization_id), known)


def publish_for(topic: str, organization_id: str, user_ids: Iterable[str], **known: str) -> None:
    """Publish the same fact for each of several people, as `publish` does."""
    concerned = _concerned(topic, organization_id)
    for user_id in user_ids:
        _publish(topic, organization_id, concerned, {"user": user_id, **known})


def _concerned(topic: str, organization_id: str) -> list[str]:
    return sorted(set(reach_of(organization_id))) if topic in OF_MEMBERS else [organization_id]


def _publish(topic: str, organization_id: str, concerned: list[str], known: dict[str, str]) -> None:
    outbox.publish(
        topic,
        key=new_id("fact"),
        organization_id=organization_id,
        payload={"before": timezone.now().isoformat(), "organizations": concerned, **known},
    )

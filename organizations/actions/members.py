"""Change what members may do, and end their membership."""

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden
from organizations.access import require
from organizations.actions import memberships, outsiders, owners
from organizations.models import Membership, Organization
from organizations.roles.named import NamedRole, known_role, permissions_of_role
from organizations.scim import people
from organizations.standings import Standing


def change_role(*, by: Actor, organization: Organization, membership_id: str, role: str) -> Membership:
    """
    Give a member another role, and access again where groups gave none.

    Raises Conflict for the last owner, the one kept for emergencies and whom the organization's directory took away,
    Forbidden above the asker's own reach.
    """
    standing = require(by, "member.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        membership = owners.member_alone(organization, membership_id)
        check_role(standing, role)
        outsiders.keep_out(standing, membership.user.email, membership.user_id)
        check_within_reach(standing, membership)
        _check_directory(membership)
        memberships.unblock(by=by, membership=membership, grant_id=standing.grant_id)
        memberships.give(by=by, membership=membership, role=role, grant_id=standing.grant_id)
    return membership


def remove(*, by: Actor, organization: Organization, membership_id: str) -> None:
    """
    End a membership, and with it the person's API keys in the organization.

    People may always end their own; the last owner can't. The person and their other memberships stay as they are.
    """
    standing = require(by, "member.view", organization)
    with rls.acting_as(f"org:{organization.pk}"):
        membership = owners.member_alone(organization, membership_id)
        if membership.user_id != by.user_id or by.kind != "user":
            if "member.manage" not in standing.permissions:
                raise Forbidden("Your role does not include removing members. Nothing was changed.")
            check_within_reach(standing, membership)
            # As themselves: the organization does not see by which membership an MSP's person is here.
            with rls.reading_as(by.rls_actor):
                require(by, "member.manage", organization, confirmed=True)
        memberships.end(by=by, membership=membership, grant_id=standing.grant_id)


def check_role(standing: Standing, role: str) -> NamedRole:
    """
    The role, if the asker may hand it out: it can't do more than theirs. Raises Invalid, Forbidden.

    Whoever stores it asks with the organization's row locked, so that the role is still there.
    """
    found = known_role(standing.organization_id, role)
    if not found.permissions <= standing.permissions:
        raise Forbidden(f"You can't hand out the role “{found.name}”: it can do more than yours. Nothing was changed.")
    return found


def check_within_reach(standing: Standing, membership: Membership) -> None:
    """Whoever decides about a member can do what they can. The caller acts as the organization. Raises Forbidden."""
    if not permissions_of_role(membership.organization_id, membership.role) <= standing.permissions:
        raise Forbidden("This member's role can do more than yours. Nothing was changed.")


def _check_directory(membership: Membership) -> None:
    if membership.blocked_at and people.is_closed(membership.organization_id, membership.user_id):
        raise Conflict(
            "The organization's directory has deactivated this member. Nothing was changed.",
            code="DEPROVISIONED",
            hint="Activate them in the directory, or stop provisioning on the connection's page.",
        )

"""The one owner whom the platform's sign-in lets in although the organization demands its own: chosen, and watched."""

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations import owner_notices
from organizations.access import require
from organizations.actions import facts, trail
from organizations.actions.locks import locked_organization
from organizations.models import Domain, Membership, Organization, User
from organizations.permissions import Role
from organizations.sso.demands import demands_on


def choose(*, by: Actor, organization: Organization, membership_id: str | None) -> Organization:
    """
    Choose the owner for emergencies, or nobody.

    Only an owner chooses, and only an owner with a verified address is chosen: others have no way in by the platform.
    Raises Invalid, and Conflict for choosing nobody while members must use a connection.
    """
    standing = require(by, "organization.manage", organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        held = locked_organization(organization.pk)
        before, held.break_glass = held.break_glass_id, _chosen(held, membership_id)
        if before == held.break_glass_id:
            return held
        held.save(update_fields=["break_glass"])
        told = {"before": before or "", "after": held.break_glass_id or ""}
        trail.record(by, standing, "organizations.break_glass.choose", held.pk, **told)
    return held


def note_use(*, by: Actor, user: User, way: str) -> None:
    """
    Write down, and tell all owners, that the emergency owner came in by the platform's sign-in where it is not taken.

    In the caller's transaction, once a sign-in and organization.
    """
    if way.startswith("conn_"):
        return
    with rls.reading_as(f"user:{user.pk}"):
        used = [demand.organization for demand in demands_on(user) if demand.is_strict and demand.breaks_glass]
    for organization in used:
        with rls.acting_as(f"org:{organization.pk}"):
            trail.record(by, organization.pk, "organizations.break_glass.use", user.pk, way=way, address=by.address)
            facts.publish(
                facts.BREAK_GLASS_USED, organization_id=organization.pk, user=user.pk, address=by.address, way=way
            )
            owner_notices.tell_owners(
                organization,
                "break_glass_used",
                person=str(user),
                email=user.email,
                at=f"{timezone.now():%-d %B %Y, %H:%M} UTC",
                address=by.address or "unknown",
            )


def _chosen(organization: Organization, membership_id: str | None) -> User | None:
    if membership_id is None:
        demanded = organization.sign_in_policy == Organization.SignInPolicy.CONNECTION
        if demanded or Domain.objects.filter(organization=organization, enforced=True).exists():
            raise Conflict(
                "Members must use a connection, so somebody has to be there for emergencies. Nothing was changed.",
                code="BREAK_GLASS_NEEDED",
                hint="Choose another owner instead, or stop demanding the connection first.",
            )
        return None
    able = Membership.objects.select_related("user").filter(organization=organization, blocked_at=None)
    membership = able.filter(pk=membership_id).first()
    if membership is None or membership.role != Role.OWNER or not membership.user.email_verified:
        raise Invalid("Choose an owner whose e-mail address is verified.", field="break_glass")
    return membership.user

"""Service accounts: members that are programs, so that an integration does not end with whoever set it up."""

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Invalid
from organizations.access import require_own
from organizations.actions import memberships
from organizations.actions.members import check_role
from organizations.models import Membership, Organization, User

LONGEST_NAME = 120


def create(*, by: Actor, organization: Organization, name: str, role: str) -> Membership:
    """
    Make a member that nobody signs in as: it has no address, no password and no identity, and acts by its keys alone.

    Only the organization's own people do: what an MSP made would go on after its access has ended. Raises Forbidden,
    Invalid for the name, for a role that is not there and for an owner.
    """
    standing = require_own(by, "member.manage", organization, confirmed=True)
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= LONGEST_NAME or not tidy.isprintable():
        raise Invalid(f"The name has between 1 and {LONGEST_NAME} printable characters.", field="name")
    check_role(standing, role)
    account = User(email="", name=tidy, is_service=True)
    account.set_unusable_password()
    with rls.acting_as(f"user:{account.pk}"):
        account.save(force_insert=True)
    with rls.acting_as(f"org:{organization.pk}"):
        check_role(standing, role)
        made = memberships.admit(by=by, organization=organization, user=account, role=role, because="service account")
        made.user = account
    return made

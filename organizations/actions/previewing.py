"""What a test sign-in would have come to: the same decision as at a real one, over the claims that were kept."""

from controlplane import rls
from organizations.actions import joining, sign_in
from organizations.models import Connection, Membership, Organization, SignInTest, User
from organizations.scim.people import provision_of
from organizations.sso.claims import told_by
from organizations.sso.outlook import Outlook, outlook
from organizations.sso.proven import ProvenIdentity, SignInRefused


def outlook_of(organization: Organization, connection: Connection, test: SignInTest) -> Outlook | None:
    """
    The decision about the person who was tested; None where the test proved nobody, or nobody with an address.

    It tells of this organization's members only. That an account elsewhere has the address is not said.
    """
    told = told_by(connection.kind, connection.mapping, test.claims)
    if not test.uid or not told.email:
        return None
    identity = ProvenIdentity(
        connection.provider_id,
        test.uid,
        told.email,
        email_disputed=test.email_disputed,
        groups=told.groups,
        claims=test.claims,
    )
    with rls.reading_as(f"org:{organization.pk}"):
        user = _holder(identity)
        membership = Membership.objects.filter(user=user, organization=organization).first() if user else None
        provision = provision_of(connection, identity, user)
        return outlook(connection, provision.groups, joining.known_of(connection, membership, identity, provision))


def _holder(identity: ProvenIdentity) -> User | None:
    try:
        return sign_in.holder(identity)
    except SignInRefused:  # the account is switched off, which is the platform's business
        return None

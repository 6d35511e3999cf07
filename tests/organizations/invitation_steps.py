"""What people do around invitations; used by the tests of them."""

import datetime as dt
import re

from django.utils import timezone

from controlplane import rls
from organizations.actions import invitations
from organizations.models import Invitation, Membership, Organization, User
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.account_steps import EMAIL, mails_to


def invite(by: User, organization: Organization, email: str = EMAIL, role: str = "operator") -> Invitation:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return invitations.invite(by=actor, organization=organization, email=email, role=role)


def send_again(by: User, organization: Organization, invitation: Invitation) -> Invitation:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return invitations.send_again(by=actor, organization=organization, invitation_id=invitation.pk)


def make_ended(invitation: Invitation) -> None:
    with all_rows():
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - dt.timedelta(days=1))


def roles_in(organization: Organization, email: str) -> list[str]:
    with all_rows():
        return list(
            Membership.objects.filter(organization=organization, user__email=email).values_list("role", flat=True)
        )


def mailed_path(address: str = EMAIL) -> str:
    return re.search(r"http://testserver(/invitations/[^)\s]+)", mails_to(address)[-1].body)[1]

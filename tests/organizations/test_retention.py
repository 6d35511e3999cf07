"""What sign-in and sign-up leave behind does not stay for ever."""

import datetime as dt

from django.utils import timezone

from organizations import retention
from organizations.accounts.guessing import LIMITS
from organizations.actions.sign_in import PENDING_LIFETIME
from organizations.models import Connection, Invitation, JoinRequest, Organization, SeenAssertion, User
from organizations.tasks import forget_spent_rows
from tests.database import all_rows
from tests.organizations.conftest import Browser, audited
from tests.organizations.saml_idp import SamlIdp


def test_a_sign_up_that_nobody_finished_is_forgotten_and_its_trail_stays(pending: Connection) -> None:
    assert retention.forget_unfinished_sign_ups() == 0
    with all_rows():
        Organization.objects.update(created_at=timezone.now() - PENDING_LIFETIME - dt.timedelta(hours=1))
    assert retention.forget_unfinished_sign_ups() == 1
    with all_rows():
        assert not Organization.objects.exists()
        assert not Connection.objects.exists()
    assert audited(pending.organization_id)[-1].action == "organizations.organization.expire"


def test_an_organization_that_came_alive_stays(visitor: Browser, saml_idp: SamlIdp, pending: Connection) -> None:
    visitor.through_saml(saml_idp, pending)
    with all_rows():
        Organization.objects.update(created_at=timezone.now() - PENDING_LIFETIME * 2)
    assert retention.forget_unfinished_sign_ups() == 0


def test_used_assertions_are_kept_as_long_as_they_could_be_replayed(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    visitor.through_saml(saml_idp, pending)
    forget_spent_rows()
    with all_rows():
        seen = SeenAssertion.objects.get()
        assert seen.keep_until > timezone.now() + dt.timedelta(minutes=10)
        SeenAssertion.objects.update(keep_until=timezone.now() - dt.timedelta(hours=1))
    forget_spent_rows()
    with all_rows():
        assert not SeenAssertion.objects.exists()


def test_invitations_that_ended_a_month_ago_are_forgotten(acme: Organization) -> None:
    with all_rows():
        for email, days in (("old@example.test", -31), ("ended@example.test", -1), ("new@example.test", 1)):
            Invitation.objects.create(
                organization=acme, email=email, role="viewer", expires_at=timezone.now() + dt.timedelta(days=days)
            )
    forget_spent_rows()
    with all_rows():
        assert {each.email for each in Invitation.objects.all()} == {"ended@example.test", "new@example.test"}


def test_requests_to_join_are_forgotten_after_a_month_decided_or_not(
    acme: Organization, mallory: User, maria: User
) -> None:
    with all_rows():
        for user, days in ((mallory, 31), (maria, 29)):
            asked = JoinRequest.objects.create(organization=acme, user=user, email=user.email)
            JoinRequest.objects.filter(pk=asked.pk).update(created_at=timezone.now() - dt.timedelta(days=days))
    forget_spent_rows()
    with all_rows():
        assert [each.user for each in JoinRequest.objects.all()] == [maria]


def test_one_network_can_not_sign_up_without_end(visitor: Browser, saml_idp: SamlIdp) -> None:
    form = {"name": "Acme", "kind": "organization", "metadata_xml": saml_idp.metadata()}
    answers = [visitor.post("/sign-up/saml/", form).status_code for _ in range(LIMITS["sign_up.place"].most + 1)]
    assert set(answers[:-1]) == {302}
    assert answers[-1] == 429

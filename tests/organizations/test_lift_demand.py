"""The operator's way back for an organization that shut itself out."""

from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from controlplane import rls
from controlplane.models import AuditEntry
from organizations.access import NotAdmitted, require
from organizations.models import Organization, User
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.account_steps import mails_to

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "Ticket 9: Alice, called back"


def lift(organization_id: str, demand: str = "networks", reason: str = REASON) -> None:
    call_command("lift_demand", "--organization", organization_id, "--demand", demand, "--reason", reason)


def demand(organization: Organization, **wanted: object) -> None:
    with all_rows():
        Organization.objects.filter(pk=organization.pk).update(**wanted)


@pytest.mark.parametrize(
    ("name", "demands"),
    [("networks", {"allowed_networks": ["192.0.2.0/24"]}), ("second-factor", {"require_second_factor": True})],
)
def test_who_is_shut_out_comes_in_again_and_owners_and_trail_are_told_why(acme, alice: User, name, demands) -> None:
    demand(acme, **demands)
    outside = replace(actor_for(alice), address="203.0.113.9", second_factor=frozenset())
    with rls.acting_as(outside.rls_actor), pytest.raises(NotAdmitted):
        require(outside, "tenant.view", acme)
    lift(acme.pk, name)
    with rls.acting_as(outside.rls_actor):
        assert require(outside, "tenant.view", acme)
    mail = mails_to(alice.email)[-1]
    assert REASON in mail.body
    with rls.acting_as(f"org:{acme.pk}"):
        entry = AuditEntry.objects.get(action="organizations.entry.change")
    assert REASON in entry.actor["reason"]
    assert entry.data["before"] == demands


def test_nothing_is_changed_or_told_where_nothing_was_demanded(acme, alice: User) -> None:
    lift(acme.pk)
    assert not mails_to(alice.email)
    with rls.acting_as(f"org:{acme.pk}"):
        assert not AuditEntry.objects.filter(action="organizations.entry.change").exists()


def test_a_reason_is_needed(acme) -> None:
    demand(acme, allowed_networks=["192.0.2.0/24"])
    with pytest.raises(CommandError, match="how you know"):
        lift(acme.pk, reason="  asked ")
    with all_rows():
        assert Organization.objects.get(pk=acme.pk).allowed_networks == ["192.0.2.0/24"]


def test_no_other_organization_is_touched(acme, rival) -> None:
    demand(rival, allowed_networks=["192.0.2.0/24"])
    demand(acme, allowed_networks=["192.0.2.0/24"])
    lift(acme.pk)
    with all_rows():
        assert Organization.objects.get(pk=rival.pk).allowed_networks == ["192.0.2.0/24"]
    with pytest.raises(CommandError, match="no such organization"):
        lift("org_none")

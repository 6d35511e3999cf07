"""
The attack: somebody of an MSP, in a client for a while, stays there for ever as a member or by what proves people.

paula owns Northwatch, which works in Acme.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from controlplane.problems import Forbidden
from organizations.actions import custom_roles, domains, emergency_access, grants, invitations, members, scim_tokens
from organizations.models import Connection, Domain, Grant, Membership, Organization, User
from organizations.msp.client_sets import ADMINISTRATION
from organizations.permissions import ROLES
from tests.cast import actor_for, join, person
from tests.database import all_rows
from tests.organizations.conftest import add_oidc
from tests.organizations.join_steps import approve, ask
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.test_custom_roles import act, held

DAY = dt.timedelta(days=1)


def terms(acme: Organization, **wanted: Any) -> Grant:
    """What Acme lets Northwatch do, since it said so."""
    with all_rows():
        Grant.objects.filter(client=acme).update(**wanted)
        return Grant.objects.get(client=acme)


@pytest.fixture
def for_a_day(acme: Organization) -> Grant:
    return terms(acme, role_ceiling="owner", ends_at=timezone.now() + DAY, review_at=None)


@pytest.fixture
def in_an_emergency(acme: Organization, paula: User) -> Grant:
    grant = terms(acme, role_ceiling="viewer", emergency_ceiling="owner")
    act(paula, emergency_access.begin, client=acme, grant_id=grant.pk, reason="Everything is on fire")
    return grant


@pytest.fixture
def standing(acme: Organization) -> Grant:
    return terms(acme, role_ceiling="owner")


@pytest.fixture
def connection(acme: Organization, alice: User, own_idp: OidcIdp) -> Connection:
    return add_oidc(actor_for(alice), acme, own_idp)


STAYING: dict[str, Callable[[User, Organization, Connection], Any]] = {
    "inviting oneself": lambda by, acme, _: act(
        by, invitations.invite, organization=acme, email=by.email, role="viewer"
    ),
    "inviting a friend": lambda by, acme, _: act(
        by, invitations.invite, organization=acme, email="friend@example.test", role="viewer"
    ),
    "a role of one's own": lambda by, acme, _: act(
        by, custom_roles.create, organization=acme, name="Mine", permissions=["tenant.view"]
    ),
    "a provisioning token": lambda by, acme, connection: act(
        by, scim_tokens.create, organization=acme, connection_id=connection.pk, expires_in=DAY
    ),
    "a domain": lambda by, acme, _: act(by, domains.claim, organization=acme, name="northwatch.example"),
}


@pytest.mark.parametrize("way", STAYING)
@pytest.mark.parametrize("access", ["for_a_day", "in_an_emergency"])
def test_access_that_ends_leads_to_none_that_stays(
    access: str, way: str, request: pytest.FixtureRequest, acme: Organization, paula: User, connection: Connection
) -> None:
    request.getfixturevalue(access)
    with pytest.raises(Forbidden):
        STAYING[way](paula, acme, connection)


def test_all_else_of_the_ceiling_is_there_for_a_day_and_in_an_emergency(
    acme: Organization, paula: User, for_a_day: Grant
) -> None:
    assert held(paula, acme) == ROLES["owner"] - ADMINISTRATION
    terms(acme, role_ceiling="admin", emergency_ceiling="owner", ends_at=None, review_at=timezone.now() + DAY)
    assert held(paula, acme) == ROLES["admin"]
    act(paula, emergency_access.begin, client=acme, grant_id=for_a_day.pk, reason="Everything is on fire")
    assert held(paula, acme) == ROLES["admin"] | {"billing.manage"}


def test_access_that_is_given_an_end_no_longer_decides_who_belongs(
    acme: Organization, alice: User, paula: User, standing: Grant
) -> None:
    assert "member.manage" in held(paula, acme)
    act(alice, grants.limit_grant, grant=standing, ends_at=timezone.now() + DAY)
    assert not held(paula, acme) & ADMINISTRATION


@pytest.mark.parametrize("whom", ["oneself", "a colleague", "an address of its domain"])
def test_an_msp_whose_access_stands_invites_nobody_of_its_own(
    whom: str, acme: Organization, msp: Organization, paula: User, maria: User, standing: Grant
) -> None:
    with all_rows():
        Domain.objects.create(organization=msp, name="northwatch.example", state="proven")
    address = {"oneself": paula.email.upper(), "a colleague": maria.email}.get(whom, "second@northwatch.example")
    with pytest.raises(Forbidden) as refusal:
        act(paula, invitations.invite, organization=acme, email=address, role="viewer")
    assert refusal.value.code == "OWN_PEOPLE_OF_MSP"


def test_nor_wakes_an_invitation_nor_raises_a_member_nor_answers_a_request_of_theirs(
    acme: Organization, alice: User, paula: User, maria: User, standing: Grant
) -> None:
    invited = act(alice, invitations.invite, organization=acme, email=paula.email, role="owner")
    with pytest.raises(Forbidden, match="none of its own people"):
        act(paula, invitations.send_again, organization=acme, invitation_id=invited.pk)
    join(acme, invited_by=alice, user=maria, role="viewer")
    with all_rows():
        belongs = Membership.objects.get(user=maria, organization=acme)
    with pytest.raises(Forbidden, match="none of its own people"):
        act(paula, members.change_role, organization=acme, membership_id=belongs.pk, role="admin")
    with all_rows():
        Domain.objects.create(organization=acme, name="example.test", state="proven", join_requests=True)
    dora = person("dora")
    request = ask(dora, acme)
    with all_rows():
        Membership.objects.create(user=dora, organization_id=standing.msp_id, role="viewer")
    with pytest.raises(Forbidden, match="none of its own people"):
        approve(paula, acme, request)
    act(paula, members.remove, organization=acme, membership_id=belongs.pk)


def test_it_invites_the_clients_own_people(acme: Organization, paula: User, standing: Grant) -> None:
    join(acme, invited_by=paula, user=person("carol"), role="owner")
    with all_rows():
        assert Membership.objects.get(user__email="carol@example.test").role == "owner"

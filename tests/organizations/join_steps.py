"""What people do around requests to join; used by the tests of them."""

from typing import Any

import pytest

from controlplane import rls
from organizations.actions import domains, join_requests
from organizations.models import Connection, Domain, JoinRequest, Membership, Organization, User
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.account_steps import mails_to
from tests.organizations.conftest import Zone, add_oidc, prove
from tests.organizations.oidc_idp import OidcIdp

ANN = "ann@acme.example"


@pytest.fixture
def domain(acme: Organization, alice: User, zone: Zone) -> Domain:
    """acme.example, proven, whose people may ask to join Acme."""
    made = prove(zone, actor_for(alice), acme, "acme.example")
    return use(alice, acme, made, join_requests=True)


@pytest.fixture
def ann(domain: Domain) -> User:
    """Somebody with a proven address there."""
    with all_rows():
        return User.objects.create_user(ANN, name="Ann", email_verified=True)


@pytest.fixture
def own(domain: Domain, acme: Organization, alice: User, own_idp: OidcIdp) -> Connection:
    """Acme's connection, by which nobody joins by themselves."""
    own_idp.person = {"sub": "ann", "email": ANN, "name": "Ann"}
    made = add_oidc(actor_for(alice), acme, own_idp)
    with all_rows():
        Connection.objects.filter(pk=made.pk).update(state="enabled")
    return made


def use(by: User, organization: Organization, domain: Domain, **wanted: Any) -> Domain:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return domains.use(by=actor, organization=organization, domain_id=domain.pk, **wanted)


def ask(user: User, organization: Organization) -> JoinRequest:
    actor = actor_for(user)
    with rls.acting_as(actor.rls_actor):
        return join_requests.ask(by=actor, organization_id=organization.pk)


def askable(user: User) -> list[str]:
    actor = actor_for(user)
    with rls.acting_as(actor.rls_actor):
        return [each.organization_name for each in join_requests.askable(by=actor)]


def approve(by: User, organization: Organization, request: JoinRequest, role: str = "viewer") -> Membership:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        return join_requests.approve(by=actor, organization=organization, join_request_id=request.pk, role=role)


def decline(by: User, organization: Organization, request: JoinRequest) -> None:
    actor = actor_for(by)
    with rls.acting_as(actor.rls_actor):
        join_requests.decline(by=actor, organization=organization, join_request_id=request.pk)


def is_member(user: User, organization: Organization) -> bool:
    with all_rows():
        return Membership.objects.filter(user=user, organization=organization).exists()


def subjects(address: str) -> list[str]:
    return [each.subject for each in mails_to(address)]

"""What the tests of SCIM share: Acme's connection with its directory's client, and a stranger's."""

import datetime as dt

import pytest

from controlplane import rls
from organizations.actions import scim_tokens
from organizations.models import Connection, Organization, ScimToken, User
from tests.cast import actor_for
from tests.organizations.conftest import add_oidc
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.scim.client import ScimClient

YEAR = dt.timedelta(days=365)


def make_token(owner: User, connection: Connection, **more: dt.timedelta) -> tuple[ScimToken, str]:
    """A token as its owner makes one."""
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        return scim_tokens.create(
            by=actor,
            organization=connection.organization,
            connection_id=connection.pk,
            **{"expires_in": YEAR, **more},
        )


def client_of(owner: User, connection: Connection) -> ScimClient:
    return ScimClient(connection.pk, make_token(owner, connection)[1])


@pytest.fixture
def own(acme: Organization, alice: User, own_idp: OidcIdp) -> Connection:
    """Acme's connection. Its directory names people by externalId, which is the subject at sign-in."""
    return add_oidc(actor_for(alice), acme, own_idp)


@pytest.fixture
def scim(own: Connection, alice: User) -> ScimClient:
    return client_of(alice, own)


@pytest.fixture
def theirs(rival: Organization, mallory: User, own_idp: OidcIdp) -> Connection:
    """mallory's connection, to the same provider."""
    return add_oidc(actor_for(mallory), rival, own_idp)


@pytest.fixture
def stranger(theirs: Connection, mallory: User) -> ScimClient:
    return client_of(mallory, theirs)

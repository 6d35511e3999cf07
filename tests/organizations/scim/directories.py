"""A directory of Acme's for tests of other rooms: a SAML connection, its SCIM client, and who is tied to it."""

import datetime as dt

from allauth.socialaccount.models import SocialAccount

from controlplane import rls
from organizations.actions import scim_tokens
from organizations.actions.connections import add_saml
from organizations.models import Connection, Organization, User
from organizations.sso.saml.metadata import parse
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.saml_idp import SamlIdp
from tests.organizations.scim.client import ScimClient


def directory_of(organization: Organization, owner: User) -> tuple[Connection, ScimClient]:
    """A connection with its directory. It names people by their user name, as SAML does without another word."""
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        made = add_saml(by=actor, organization=organization, name="IdP", metadata=parse(SamlIdp().metadata()))
        _, text = scim_tokens.create(
            by=actor, organization=organization, connection_id=made.pk, expires_in=dt.timedelta(days=1)
        )
    return made, ScimClient(made.pk, text)


def provisioned(connection: Connection, directory: ScimClient, user: User) -> str:
    """The path of a user whom the connection has signed in."""
    with all_rows():
        SocialAccount.objects.create(user=user, provider=connection.provider_id, uid=user.email)
    return f"/Users/{directory.user(user.email)['id']}"

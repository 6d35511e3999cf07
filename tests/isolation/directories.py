"""The directories of the isolation matrix: what Acme's told, and the SCIM clients that knock."""

from collections.abc import Iterator
from datetime import timedelta

from django.test import Client

from controlplane import rls
from controlplane.actor import Actor
from organizations.actions import directory, directory_groups, scim_tokens
from organizations.actions.connections import add_saml
from organizations.models import Connection, Organization, ScimToken, User
from organizations.scim.authentication import actor_for as actor_of_token
from organizations.sso.saml.metadata import parse
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.saml_idp import SamlIdp


def directory_ids(actor: Actor, connection: Connection) -> dict[str, str]:
    """Ids of a user and a group whom the connection's directory told of, bearing its name, and its token."""
    token, text = _token(actor, connection)
    by, name = actor_of_token(token, Actor.nobody()), connection.name
    with rls.acting_as(by.rls_actor):
        user = directory.create_user(by=by, connection=connection, given={"userName": f"user of {name}"})
        told = {"displayName": f"group of {name}", "members": [{"value": user.pk}]}
        group = directory_groups.create_group(by=by, connection=connection, given=told)
    return {"scim_token_id": token.pk, "scim_token": text, "duser_id": user.pk, "dgroup_id": group.pk}


def directory_clients(ids: dict[str, str]) -> Iterator[tuple[str, Client, str]]:
    """SCIM clients with whose directory's token each has: Acme's own, one that was revoked, and a stranger's."""
    with all_rows():
        owner, stranger = (actor_for(User.objects.get(email=f"{name}@example.test")) for name in ("alice", "mallory"))
        rival = Organization.objects.get(name="Rival")
    with rls.acting_as(owner.rls_actor):
        connection = Connection.objects.select_related("organization").get(pk=ids["connection_id"])
        revoked, text = _token(owner, connection)
        which = {"organization": connection.organization, "connection_id": connection.pk}
        scim_tokens.revoke(by=owner, token_id=revoked.pk, **which)
    with rls.acting_as(stranger.rls_actor):
        theirs = add_saml(by=stranger, organization=rival, name="IdP", metadata=parse(SamlIdp().metadata()))
    yield "acme's directory", _client(ids["scim_token"]), "acme"
    yield "a revoked directory", _client(text), "nobody"
    yield "rival's directory", _client(_token(stranger, theirs)[1]), "rival"


def _client(text: str) -> Client:
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {text}"})


def _token(actor: Actor, connection: Connection) -> tuple[ScimToken, str]:
    with rls.acting_as(actor.rls_actor):
        return scim_tokens.create(
            by=actor,
            organization=connection.organization,
            connection_id=connection.pk,
            expires_in=timedelta(days=1),
        )

"""What a connection's directory told, for the pages that show it."""

import datetime as dt

from controlplane import rls
from controlplane.actor import Actor
from organizations.actions import directory, directory_groups, scim_tokens
from organizations.models import Connection
from organizations.scim.authentication import actor_for as actor_of_token


def directory_of(by: Actor, connection: Connection) -> None:
    """Two people and a group, told with a token of a year."""
    token, _ = scim_tokens.create(
        by=by,
        organization=connection.organization,
        connection_id=connection.pk,
        expires_in=dt.timedelta(days=365),
    )
    told = actor_of_token(token, Actor.nobody())
    with rls.acting_as(told.rls_actor):
        users = [
            directory.create_user(by=told, connection=connection, given={"userName": name, "active": active})
            for name, active in (("ann@northwatch.example", True), ("ben@northwatch.example", False))
        ]
        group = {"displayName": "soc-admins", "members": [{"value": each.pk} for each in users]}
        directory_groups.create_group(by=told, connection=connection, given=group)

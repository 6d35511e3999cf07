"""What people and programs are shown of a connection's provisioning: address, tokens, and who is in the directory."""

from typing import Any

from django.db.models import Count, Q

from controlplane.actor import Actor
from organizations import queries
from organizations.keys.rows import SECRET_MARKS
from organizations.models import Connection, DirectoryGroup, DirectoryUser, Organization, ScimToken
from organizations.scim.people import binds_by, claim_of
from organizations.scim.resources import address_of
from organizations.standings import may

SHOWN_TOKENS = 10


def provisioning_of(actor: Actor, organization: Organization, connection_id: str) -> dict[str, Any]:
    """Everything about it. Raises NotFound, Forbidden."""
    connection = queries.connection(actor, organization, connection_id)
    users = DirectoryUser.objects.filter(connection=connection, deleted_at=None)
    counts = users.aggregate(
        users=Count("pk"), active=Count("pk", filter=Q(active=True)), tied=Count("pk", filter=Q(user__isnull=False))
    )
    groups = DirectoryGroup.objects.filter(connection=connection)
    return {
        "connection": connection,
        "address": address_of(connection),
        "attribute": binds_by(connection),
        "claim": claim_of(connection),
        **counts,
        "groups": groups.count(),
        "tokens": list(ScimToken.objects.filter(connection=connection)[:SHOWN_TOKENS]),
        "missing_groups": _not_pushed(connection),
        "can_decide": may(actor, "organization.manage", organization),
    }


def token_row(token: ScimToken) -> dict[str, Any]:
    """One token in the table."""
    return {"token": token, "tail": token.pk[-4:], "mark": SECRET_MARKS[token.state]}


def _not_pushed(connection: Connection) -> list[str]:
    """Groups of the table of roles that the directory does not tell, once it tells any."""
    known: set[str] = set()
    for row in DirectoryGroup.objects.filter(connection=connection).values_list("display_name", "external_id"):
        known.update(row)
    return [rule["group"] for rule in connection.role_rules if known and rule["group"] not in known]

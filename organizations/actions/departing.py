"""What ends with somebody's access when their directory takes them away, besides the membership itself."""

from collections.abc import Iterable

from controlplane.actor import Actor
from organizations.actions import browser_sessions, invitations, keys
from organizations.models import Connection, User


def end_access(*, by: Actor, connection: Connection, user_id: str, addresses: Iterable[str] = ()) -> None:
    """
    End API keys, the sessions that the connection began, and invitations that would let them in again.

    In the caller's transaction, as the organization. The person, their other sessions and memberships stay.
    """
    keys.revoke_all_of(by=by, organization=connection.organization, user_id=user_id)
    browser_sessions.end_begun_by(by=by, user_id=user_id, way=connection.pk)
    known = {*addresses, *User.objects.filter(pk=user_id).values_list("email", flat=True)}
    for address in known:
        invitations.withdraw_from(
            by=by, organization=connection.organization, email=address, because="the directory took them away"
        )

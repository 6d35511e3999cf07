"""
Who may decide whom a connection proves: somebody who may do all that anybody whom it proves may.

The attack: an admin who may manage sign-in exchanges an owner's connection's certificate for one of their own, signs
an assertion about the owner, and is one. The same goes for metadata, client secret and the meaning of claims. So once a
connection has been switched on, these need an owner's whole reach, and so does switching it on, by which an owner takes
over what was prepared. Switching it off opens nothing: it stays an owner's.
"""

from controlplane.actor import Actor
from controlplane.problems import Forbidden
from organizations.access import NotConfirmed
from organizations.models import Connection
from organizations.permissions import PERMISSIONS
from organizations.standings import Standing


def may_vouch(standing: Standing) -> bool:
    """Whether the asker can do whatever any member can, an owner's every permission, by this session or key."""
    return standing.permissions >= PERMISSIONS


def first_state(standing: Standing) -> str:
    """What a new connection begins as: an owner's works at once, anybody else's waits for an owner."""
    return Connection.State.ENABLED if may_vouch(standing) else Connection.State.DRAFT


def require_vouching(by: Actor, standing: Standing) -> None:
    """Demands an owner who has just shown that it is them. Raises Forbidden, NotConfirmed."""
    if not may_vouch(standing):
        raise Forbidden(
            "Only an owner decides whom this connection proves: whoever does could come in as an owner by it."
            " Nothing was changed.",
            hint="Ask an owner of the organization.",
        )
    if by.confirmed is False:
        raise NotConfirmed


def require_vouching_for(by: Actor, standing: Standing, connection: Connection) -> None:
    """The same for a change of a connection, unless it was never switched on and so proves nobody yet."""
    if connection.state != Connection.State.DRAFT:
        require_vouching(by, standing)

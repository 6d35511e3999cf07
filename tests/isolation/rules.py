"""How a line of the isolation matrix is written: who may do what at one address."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What one method at one address takes.

    Attributes:
        inside: it belongs to one organization, and nobody else may learn that it exists.
        permission: needed inside the organization; empty if every member may.
        signed_in: whether strangers are sent to sign in.
        body: what a permitted caller sends; ``{name}`` is filled with the world's ids.
        is_sign_in_page: it shows the names of organization and connection, and only those, to whoever has its address.
        edge: it calls the edge, which is away here, so a permitted caller may get 503.
        query: appended to the address.
        scim: a directory's token of the organization opens it, and nothing else does.
        of_all: it is about all tenants, so that a key which is limited to some may not.
    """

    permission: str = ""
    inside: bool = False
    signed_in: bool = True
    is_sign_in_page: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    edge: bool = False
    query: str = ""
    scim: bool = False
    of_all: bool = False


def needs(permission: str, **more: Any) -> Rule:
    """A rule for members with a permission."""
    return Rule(permission, inside=True, **more)


def members(**more: Any) -> Rule:
    """A rule for everybody in the organization."""
    return Rule(inside=True, **more)


def anybody(**more: Any) -> Rule:
    """A rule for everybody, signed in or not."""
    return Rule(signed_in=False, **more)


def directory(**more: Any) -> Rule:
    """A rule for the SCIM client of the organization."""
    return Rule(scim=True, **more)


def people(**more: Any) -> Rule:
    """A rule for whoever is signed in; what they see is their own."""
    return Rule(**more)

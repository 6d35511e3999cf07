"""
What identity providers say about a person, as one flat table: claim → values.

SAML attributes are that already. OpenID claims may be nested, as Keycloak's `realm_access.roles` is: they are named by
their path. A mapping says which claim is the e-mail address, the name and the groups; without it the usual names count.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.hygiene import refuse_text
from organizations.addresses import usable_address

type Claims = Mapping[str, list[str]]

LONGEST_NAME = 200
LONGEST_CLAIM = 255
MOST_VALUES = 2000
DEEPEST = 4
NAME_ID = "NameID"
CLASS_REF = "AuthnContextClassRef"
PURPOSES = {"email": "E-mail", "name": "Name", "groups": "Groups"}

_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_MICROSOFT = "http://schemas.microsoft.com"
USUAL: dict[str, dict[str, tuple[str, ...]]] = {
    "saml": {
        "email": (
            "email",
            "mail",
            "urn:oid:0.9.2342.19200300.100.1.3",
            "urn:oid:1.2.840.113549.1.9.1",
            f"{_XMLSOAP}/emailaddress",
            NAME_ID,
        ),
        "name": (
            "name",
            "displayName",
            "urn:oid:2.16.840.1.113730.3.1.241",
            f"{_MICROSOFT}/identity/claims/displayname",
        ),
        "groups": (
            "groups",
            "memberOf",
            f"{_MICROSOFT}/ws/2008/06/identity/claims/groups",
            "http://schemas.xmlsoap.org/claims/Group",
        ),
    },
    "oidc": {"email": ("email",), "name": ("name",), "groups": ("groups",)},
}


@dataclass(frozen=True)
class Told:
    """The person behind the claims. `email` is empty where none of them is an address; `problem` says why."""

    email: str
    name: str
    groups: tuple[str, ...]
    problem: str = ""


def told_by(kind: str, mapping: Mapping[str, str], claims: Claims) -> Told:
    """Reads a person out of claims. Args: kind: "saml" or "oidc"; mapping: the connection's, by purpose."""
    email, problem = "", "no claim for it was sent"
    for text in _values(kind, mapping, claims, "email"):
        try:
            email, problem = usable_address(text), ""
            break
        except ValueError as error:
            problem = str(error)
    name = next(iter(_values(kind, mapping, claims, "name")), "")[:LONGEST_NAME]
    return Told(email, name, tuple(dict.fromkeys(_values(kind, mapping, claims, "groups"))), problem)


def purpose_of(kind: str, mapping: Mapping[str, str], claim: str) -> str:
    """What a claim is used as: a key of PURPOSES, or empty."""
    return next((purpose for purpose in PURPOSES if claim in _names(kind, mapping, purpose)), "")


def flat(claims: Mapping[str, Any]) -> dict[str, list[str]]:
    """
    Nested claims as a flat table. Raises Malformed for text that can't be stored, ValueError for too much of it.

    The attack: a provider of one's own sends a table that fills the database or stops at its first odd character.
    """
    table: dict[str, list[str]] = {}
    for count, (path, value) in enumerate(_leaves(claims, ())):
        name = ".".join(path)
        if count >= MOST_VALUES or len(name) > LONGEST_CLAIM:
            raise ValueError("The provider sends too many or too long claims.")
        refuse_text(name, "claim")
        refuse_text(value, name)
        table.setdefault(name, []).append(value)
    return table


def _names(kind: str, mapping: Mapping[str, str], purpose: str) -> tuple[str, ...]:
    chosen = mapping.get(purpose, "")
    return (chosen,) if chosen else USUAL[kind][purpose]


def _values(kind: str, mapping: Mapping[str, str], claims: Claims, purpose: str) -> list[str]:
    """The values of the first claim that was sent for a purpose."""
    sent = (claims[name] for name in _names(kind, mapping, purpose) if claims.get(name))
    return next(sent, [])


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping) and len(path) < DEEPEST:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, str | int | float | bool):
                yield path, _text(inner)
    elif isinstance(value, str | int | float | bool):
        yield path, _text(value)


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

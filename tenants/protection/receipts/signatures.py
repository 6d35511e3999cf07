"""
Verifies what the edge signed: a compact JWS (RFC 7515) by Ed25519 (RFC 8037), of the type of receipts alone.

Nothing but the text and the public keys is needed, so that a receipt can be verified without portal and edge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.exceptions import InvalidTokenError

TYPE = "edge-receipt+jwt"


class NotGenuine(ValueError):
    """A receipt that none of the keys signed, or that was changed since; the text says which."""


@dataclass(frozen=True)
class Verified:
    """What a receipt says, and the public key (JWK) that signed it."""

    statement: dict[str, Any]
    key: dict[str, Any]


def verify(receipt: str, keys: Sequence[Mapping[str, Any]]) -> Verified:
    """What was signed. Args: keys: JWKs, as the edge's `/.well-known/jwks.json` lists them. Raises NotGenuine."""
    try:
        header = jwt.get_unverified_header(receipt)
        if header.get("typ") != TYPE:
            raise NotGenuine("This is signed, and no receipt.")
        key = next((dict(each) for each in keys if each.get("kid") == header.get("kid")), None)
        if key is None:
            raise NotGenuine(f"It names the key {header.get('kid')}, which is not among those given.")
        # A receipt has no audience and no end: whoever holds it later is to be able to verify it.
        options: Any = {"verify_aud": False, "verify_iat": False, "verify_exp": False}
        statement = jwt.decode(receipt, jwt.PyJWK(key, "EdDSA").key, algorithms=["EdDSA"], options=options)
    except (InvalidTokenError, jwt.PyJWKError) as error:
        raise NotGenuine("The signature does not fit: it is another key's, or the text was changed.") from error
    return Verified(statement, key)

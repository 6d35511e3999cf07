"""Identifiers and tokens: how they are made, checked and stored.

An identifier is ``<kind>_`` and 20 random characters of ``a-z2-7`` (100 bits). A token is
``<prefix>_<owner>_<id>_<secret><crc>``: the owner and id tell where to look it up, the secret (22 base62 characters,
131 bits) proves possession, and the CRC32 of everything before it (6 base62 characters) refuses typing errors before
any look-up. Only the SHA-256 of the whole text is stored.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass

LOWER_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 20
TOKEN_ID_LENGTH = 10
SECRET_LENGTH = 22
CRC_LENGTH = 6

_TOKEN = re.compile(
    rf"(?P<body>(?P<prefix>[a-z]{{2,8}})_(?P<owner>[a-z2-7]{{1,40}})_(?P<id>[a-z0-9]{{1,40}})"
    rf"_[0-9A-Za-z]{{{SECRET_LENGTH}}})(?P<crc>[0-9A-Za-z]{{{CRC_LENGTH}}})",
    re.ASCII,
)


class InvalidToken(ValueError):
    """The text is no token of ours: wrong form or wrong check characters."""


@dataclass(frozen=True)
class ParsedToken:
    """The public parts of a token.

    Attributes: prefix: kind of token; owner: body of the tenant's or organization's id; id: what the token is called.
    """

    prefix: str
    owner: str
    id: str


def random_text(alphabet: str, length: int) -> str:
    """Returns ``length`` characters drawn from ``alphabet`` by the system's secure generator."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_id(kind: str) -> str:
    """Returns a new identifier such as ``org_…``. Args: kind: the prefix without the underscore."""
    return f"{kind}_{random_text(LOWER_BASE32, ID_LENGTH)}"


def new_token_id() -> str:
    """Returns the public id of a new token, unique inside its owner."""
    return random_text(LOWER_BASE32, TOKEN_ID_LENGTH)


def body_of(identifier: str) -> str:
    """Returns an identifier without its kind: ``org_abc`` → ``abc``; tenant ids have none and come back as they are."""
    return identifier.rpartition("_")[2]


def make_token(prefix: str, owner: str, id: str) -> str:
    """Returns the text of a new token, to be shown once.

    Args: prefix: kind of token; owner: id it belongs to, its own prefix is left out; id: see `new_token_id`.
    """
    body = f"{prefix}_{body_of(owner)}_{id}_{random_text(BASE62, SECRET_LENGTH)}"
    return body + _crc(body)


def parse_token(text: str) -> ParsedToken:
    """Returns the public parts of a token. Raises: InvalidToken if form or check characters are wrong."""
    match = _TOKEN.fullmatch(text)
    if not match or not secrets.compare_digest(_crc(match["body"]), match["crc"]):
        raise InvalidToken("This is no complete token: a character is missing or mistyped.")
    return ParsedToken(match["prefix"], match["owner"], match["id"])


def digest(text: str) -> str:
    """Returns the SHA-256 of ``text`` in hex, the only form in which a token is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def _crc(body: str) -> str:
    number = zlib.crc32(body.encode("ascii"))
    characters = []
    for _ in range(CRC_LENGTH):
        number, remainder = divmod(number, len(BASE62))
        characters.append(BASE62[remainder])
    return "".join(reversed(characters))

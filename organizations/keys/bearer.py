"""
Bearer tokens of both kinds, API keys and provisioning tokens: looked up, compared, and told of where one looks stolen.

A token names its organization, and is looked up as that organization only. Every refusal reads the same, so that trying
tokens tells nothing.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from controlplane import repetitions, rls
from controlplane.actor import Actor
from controlplane.ids import InvalidToken, digest, parse_token
from organizations.security.entering import is_from

NOTE_USE_EVERY_SECONDS = 60


@dataclass(frozen=True)
class Kind[Row: Any]:
    """
    One kind of token.

    Attributes: prefix: of its text; id_kind: of its row's id; rows: where it is looked up; works: whether one may be
    used now; networks: the lists that its address has to be in; actor_for: who asks by it, with the request's own id
    and address; action: of the entry that one from a wrong network leaves; refused: what every refusal says; ask: what
    to send instead of something else.
    """

    prefix: str
    id_kind: str
    rows: Callable[[], QuerySet[Row]]
    works: Callable[[Row], bool]
    networks: Callable[[Row], Sequence[list[str]]]
    actor_for: Callable[[Row, Actor], Actor]
    action: str
    refused: str
    ask: str


def text_in[Row: Any](request: Request, kind: Kind[Row]) -> str | None:
    """The token's text in the header; None without the header. Raises AuthenticationFailed for another header."""
    header = get_authorization_header(request).split()
    if not header:
        return None
    if len(header) != 2 or header[0].lower() != b"bearer":
        raise AuthenticationFailed(kind.ask)
    return header[1].decode("latin-1")


def proven[Row: Any](kind: Kind[Row], text: str, known: Actor) -> Row:
    """The row of a token that may be used now and from there. Raises AuthenticationFailed."""
    try:
        parsed = parse_token(text)
    except InvalidToken as error:
        raise AuthenticationFailed(kind.refused) from error
    organization_id = f"org_{parsed.owner}"
    with rls.reading_as(f"org:{organization_id}"):
        row = kind.rows().filter(pk=f"{kind.id_kind}_{parsed.id}", organization_id=organization_id).first()
        right = hmac.compare_digest(row.secret_digest if row else "", digest(text))
        if row is None or parsed.prefix != kind.prefix or not right or not kind.works(row):
            raise AuthenticationFailed(kind.refused)
        if not all(is_from(networks, known.address) for networks in kind.networks(row)):
            _note_foreign_use(kind, row, known)
            raise AuthenticationFailed(kind.refused)
    return row


def note_use(row: Any, address: str) -> bool:
    """Keeps the last use, at most once a minute, so that reads do not become writes; returns whether it did."""
    now = timezone.now()
    if row.last_used_at and (now - row.last_used_at).total_seconds() < NOTE_USE_EVERY_SECONDS:
        return False
    with rls.acting_as(f"org:{row.organization_id}"):
        type(row).objects.filter(pk=row.pk).update(last_used_at=now, last_used_address=address or None)
    return True


def _note_foreign_use[Row: Any](kind: Kind[Row], row: Row, known: Actor) -> None:
    """The right token from a wrong network is what a stolen one looks like: its organization should learn of it."""
    repetitions.note(
        by=kind.actor_for(row, known),
        action=kind.action,
        organization_id=row.organization_id,
        target=row.pk,
        data={"code": "ADDRESS_NOT_ALLOWED", "name": str(row)},
    )

"""Signs SCIM clients in by token."""

import hmac

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from controlplane import rls
from controlplane.actor import Actor, actor_of
from controlplane.ids import InvalidToken, digest, parse_token
from controlplane.transactions import bind_actor
from organizations.entering import is_from
from organizations.models import Organization, ScimToken
from organizations.scim import ending

REFUSED = "This provisioning token is not accepted: it is unknown, has ended, or may not be used here."
NOTE_USE_EVERY_SECONDS = 60


class ScimAuthentication(BaseAuthentication):
    """
    `Authorization: Bearer scim_…`, at the address of the connection that the token was made for.

    The token names its organization and is looked up as that organization only. Every refusal reads the same, also at
    the address of somebody else's connection, so that trying tells nothing. A browser's session opens nothing here.
    """

    def authenticate(self, request: Request) -> tuple[ScimToken, ScimToken]:
        """The token, twice. Binds the request to its actor."""
        header = get_authorization_header(request).split()
        if len(header) != 2 or header[0].lower() != b"bearer":
            raise AuthenticationFailed("Send the provisioning token as “Authorization: Bearer scim_…”.")
        known = actor_of(request)
        token = _token(header[1].decode("latin-1"), known.address)
        wanted = request.parser_context["kwargs"].get("connection_id")
        if wanted != token.connection_id:
            raise AuthenticationFailed(REFUSED)
        bind_actor(request, actor_for(token, known))
        _note_use(token, known.address)
        return token, token

    def authenticate_header(self, request: Request) -> str:
        """Makes a refusal a 401."""
        return "Bearer"


def actor_for(token: ScimToken, known: Actor) -> Actor:
    """The actor of a request made with a token; `known` brings the request's id and address."""
    return Actor(
        user_id="",
        kind="scim",
        key_id=token.pk,
        organization_id=token.organization_id,
        request_id=known.request_id,
        address=known.address,
    )


def _token(text: str, address: str) -> ScimToken:
    try:
        parsed = parse_token(text)
    except InvalidToken as error:
        raise AuthenticationFailed(REFUSED) from error
    organization_id = f"org_{parsed.owner}"
    with rls.reading_as(f"org:{organization_id}"):
        token = (
            ScimToken.objects.select_related("organization", "connection")
            .filter(pk=f"stok_{parsed.id}", organization_id=organization_id)
            .first()
        )
        right = hmac.compare_digest(token.secret_digest if token else "", digest(text))
        if token is None or parsed.prefix != "scim" or not right or not _works(token, address):
            raise AuthenticationFailed(REFUSED)
    return token


def _works(token: ScimToken, address: str) -> bool:
    """Whether the token may be used now and from there: the organization's list of networks holds for it too."""
    organization = token.organization
    return (
        token.state == "active"
        and organization.state == Organization.State.ACTIVE
        and is_from(organization.allowed_networks, address)
    )


def _note_use(token: ScimToken, address: str) -> None:
    """Keeps the last use, at most once a minute, so that reads do not become writes."""
    now = timezone.now()
    if token.last_used_at and (now - token.last_used_at).total_seconds() < NOTE_USE_EVERY_SECONDS:
        return
    with rls.acting_as(f"org:{token.organization_id}"):
        ScimToken.objects.filter(pk=token.pk).update(last_used_at=now, last_used_address=address or None)
        ending.warn(token, now)

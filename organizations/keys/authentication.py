"""Signs API calls in by key."""

import hmac

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from controlplane import repetitions, rls
from controlplane.actor import Actor, actor_of
from controlplane.ids import InvalidToken, digest, parse_token
from controlplane.transactions import bind_actor
from organizations.entering import is_from
from organizations.models import ApiKey, Membership, Organization, User

REFUSED = "This API key is not accepted: it is unknown, has ended or may not be used from here."
NOTE_USE_EVERY_SECONDS = 60


class ApiKeyAuthentication(BaseAuthentication):
    """
    `Authorization: Bearer api_…`.

    The key names its organization, and is looked up as that organization only. Every refusal reads the same, so that
    trying keys tells nothing.
    """

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """The owner and the key; None without the header. Binds the request to the key's actor."""
        header = get_authorization_header(request).split()
        if not header:
            return None
        if len(header) != 2 or header[0].lower() != b"bearer":
            raise AuthenticationFailed("Send the key as “Authorization: Bearer api_…”.")
        key = self._key(header[1].decode("latin-1"), actor_of(request))
        bind_actor(request, actor_for(key, actor_of(request)))
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        """Makes a refusal a 401."""
        return "Bearer"

    def _key(self, text: str, known: Actor) -> ApiKey:
        try:
            parsed = parse_token(text)
        except InvalidToken as error:
            raise AuthenticationFailed(REFUSED) from error
        organization_id = f"org_{parsed.owner}"
        with rls.reading_as(f"org:{organization_id}"):
            key = (
                ApiKey.objects.select_related("owner", "organization")
                .filter(pk=f"key_{parsed.id}", organization_id=organization_id)
                .first()
            )
            right = hmac.compare_digest(key.secret_digest if key else "", digest(text))
            if key is None or parsed.prefix != "api" or not right or not _works(key):
                raise AuthenticationFailed(REFUSED)
            if not _may_come_from(key, known.address):
                _note_foreign_use(key, known)
                raise AuthenticationFailed(REFUSED)
        _note_use(key, known.address)
        return key


def actor_for(key: ApiKey, known: Actor) -> Actor:
    """The actor of a request made with `key`; `known` brings the request's id and address."""
    return Actor(
        user_id=key.owner_id,
        kind="api_key",
        key_id=key.pk,
        scopes=frozenset(key.scopes),
        tenant_ids=frozenset(key.tenant_ids) or None,
        organization_id=key.organization_id,
        request_id=known.request_id,
        address=known.address,
    )


def _may_come_from(key: ApiKey, address: str) -> bool:
    return is_from(key.networks, address) and is_from(key.organization.allowed_networks, address)


def _note_foreign_use(key: ApiKey, known: Actor) -> None:
    """The right key from a wrong network is what a stolen one looks like: its organization should learn of it."""
    repetitions.note(
        by=actor_for(key, known),
        action="organizations.api_key.refuse",
        organization_id=key.organization_id,
        target=key.pk,
        data={"code": "ADDRESS_NOT_ALLOWED", "name": key.name},
    )


def _works(key: ApiKey) -> bool:
    """Whether the key may be used now. It dies with its owner's membership, and rests with it."""
    return (
        key.state == "active"
        and key.owner.is_active
        and key.organization.state == Organization.State.ACTIVE
        and Membership.objects.filter(
            user_id=key.owner_id, organization_id=key.organization_id, blocked_at=None
        ).exists()
    )


def _note_use(key: ApiKey, address: str) -> None:
    """Keeps the last use, at most once a minute, so that reads do not become writes."""
    now = timezone.now()
    if key.last_used_at and (now - key.last_used_at).total_seconds() < NOTE_USE_EVERY_SECONDS:
        return
    with rls.acting_as(f"org:{key.organization_id}"):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now, last_used_address=address or None)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes the key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "api_…"}

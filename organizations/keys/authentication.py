"""Signs API calls in by key."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from controlplane.actor import Actor, actor_of
from controlplane.problems import Forbidden
from controlplane.transactions import bind_actor
from organizations.keys import bearer
from organizations.models import ApiKey, Membership, Organization, User


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer api_…`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """The owner and the key; None without the header. Binds the request to the key's actor."""
        text, known = bearer.text_in(request, KEY), actor_of(request)
        if text is None:
            return None
        key = bearer.proven(KEY, text, known)
        bearer.note_use(key, known.address)
        bind_actor(request, actor_for(key, known))
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        """Makes a refusal a 401."""
        return "Bearer"


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


def acting_for(
    user_id: str,
    key_id: str,
    *,
    request_id: str,
    address: str,
    reason: str = "",
    working: tuple[str, str] | None = None,
) -> Actor:
    """
    The person or key behind work that goes on without them. Raises Forbidden where the key works no more.

    Args:
        key_id: empty for a person. address: from where it was asked for. working: the grant and MSP of a person's work
        in a client. request_id, reason: as the audit tells them.
    """
    known = Actor(user_id=user_id, kind="user", request_id=request_id, address=address, reason=reason, working=working)
    if not key_id:
        return known
    key = ApiKey.objects.select_related("owner", "organization").filter(pk=key_id).first()
    if key is None or not KEY.works(key):
        raise Forbidden("The API key that asked for it does not work any more.")
    return actor_for(key, known)


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


KEY = bearer.Kind(
    prefix="api",
    id_kind="key",
    rows=lambda: ApiKey.objects.select_related("owner", "organization"),
    works=_works,
    networks=lambda key: (key.networks, key.organization.allowed_networks),
    actor_for=actor_for,
    action="organizations.api_key.refuse",
    refused="This API key is not accepted: it is unknown, has ended or may not be used from here.",
    ask="Send the key as “Authorization: Bearer api_…”.",
)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes the key."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """A bearer token."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "api_…"}

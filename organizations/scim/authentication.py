"""Signs SCIM clients in by token."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from controlplane import rls
from controlplane.actor import Actor, actor_of
from controlplane.transactions import bind_actor
from organizations.actions import expiry
from organizations.keys import bearer
from organizations.models import Organization, ScimToken


class ScimAuthentication(BaseAuthentication):
    """
    `Authorization: Bearer scim_…`, at the address of the connection that the token was made for.

    Every refusal reads the same, also at the address of somebody else's connection, so that trying tells nothing. A
    browser's session opens nothing here.
    """

    def authenticate(self, request: Request) -> tuple[ScimToken, ScimToken]:
        """The token, twice. Binds the request to its actor."""
        text, known = bearer.text_in(request, TOKEN), actor_of(request)
        if text is None:
            raise AuthenticationFailed(TOKEN.ask)
        token = bearer.proven(TOKEN, text, known)
        wanted = request.parser_context["kwargs"].get("connection_id")
        if wanted != token.connection_id:
            raise AuthenticationFailed(TOKEN.refused)
        bind_actor(request, actor_for(token, known))
        if bearer.note_use(token, known.address):
            with rls.acting_as(f"org:{token.organization_id}"):
                expiry.warn_of_token(token, timezone.now())
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


TOKEN = bearer.Kind(
    prefix="scim",
    id_kind="stok",
    rows=lambda: ScimToken.objects.select_related("organization", "connection"),
    works=lambda token: token.state == "active" and token.organization.state == Organization.State.ACTIVE,
    networks=lambda token: (token.organization.allowed_networks,),
    actor_for=actor_for,
    action="organizations.scim_token.refuse",
    refused="This provisioning token is not accepted: it is unknown, has ended, or may not be used here.",
    ask="Send the provisioning token as “Authorization: Bearer scim_…”.",
)

"""Enrollment tokens by API."""

import datetime as dt

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView, valid
from tenants.enrollment import queries
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.serializers import QuarantineIn
from tenants.enrollment.tokens import actions
from tenants.enrollment.tokens.filters import TOKENS
from tenants.enrollment.tokens.serializers import NewTokenOut, RotationIn, TokenIn, TokenNameIn, TokenOut, UseOut
from tenants.provisioning.api import TenantView


class Tokens(TenantView, ListView):
    """A tenant's enrollment tokens."""

    @extend_schema(
        operation_id="tenants_tokens_list",
        parameters=TOKENS.described(),
        responses=TokenOut(many=True),
        filters=False,
    )
    def get(self, request: Request, tenant_id: str) -> Response:
        """List tokens, newest first."""
        return self.page(TOKENS.apply(queries.tokens_of(self.actor, self.tenant(tenant_id)), request), TokenOut)

    @extend_schema(operation_id="tenants_tokens_create", request=TokenIn, responses={201: NewTokenOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Make a token. The answer holds its secret, which is never shown again."""
        tenant = self.tenant(tenant_id)
        given = valid(TokenIn, request)
        life = dt.timedelta(days=given.pop("expires_in_days"))
        token, secret = actions.create_token(by=self.actor, tenant=tenant, expires_in=life, **given)
        return shown_once(token, secret)


def shown_once(token: EnrollmentToken, secret: str) -> Response:
    """201 with a token just made and its secret."""
    headers = {"Location": f"/api/v1/tenants/{token.tenant_id}/tokens/{token.pk}"}
    return Response(NewTokenOut(token, context={"secret": secret}).data, status=201, headers=headers)


class TokenView(TenantView):
    """Something about one token."""

    def token(self, tenant_id: str, token_id: str) -> EnrollmentToken:
        """The token of the address, if the caller may see it."""
        return queries.token(self.actor, self.tenant(tenant_id), token_id)


class OneToken(TokenView):
    """One enrollment token."""

    # An agent that joins changes a token's uses, and nobody means that when they rename or revoke it.
    tagged = frozenset({"name", "ends_at", "revoked_at"})

    @extend_schema(operation_id="tenants_tokens_retrieve", responses=TokenOut)
    def get(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Read a token."""
        return Response(TokenOut(self.token(tenant_id, token_id)).data)

    @extend_schema(operation_id="tenants_tokens_rename", request=TokenNameIn, responses=TokenOut)
    def patch(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Rename a token. All else of it is fixed once it is made."""
        token = self.token(tenant_id, token_id)
        given = valid(TokenNameIn, request)
        return Response(TokenOut(actions.rename_token(by=self.actor, token=token, **given)).data)

    @extend_schema(operation_id="tenants_tokens_revoke", request=None, responses={200: TokenOut})
    def delete(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Revoke a token; agents that joined with it stay."""
        token = self.token(tenant_id, token_id)
        return Response(TokenOut(actions.revoke_token(by=self.actor, token=token)).data)


class Rotation(TokenView):
    """Putting another token in a token's place."""

    @extend_schema(operation_id="tenants_tokens_rotate", request=RotationIn, responses={201: NewTokenOut})
    def post(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Make a token with the same settings; the old one works for the overlap and then ends by itself."""
        token = self.token(tenant_id, token_id)
        overlap = dt.timedelta(hours=valid(RotationIn, request)["overlap_hours"])
        return shown_once(*actions.rotate_token(by=self.actor, token=token, overlap=overlap))


class Uses(TokenView, ListView):
    """Who joined with a token."""

    @extend_schema(operation_id="tenants_tokens_uses_list", responses=UseOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """List every use of a token, newest first; agents that are gone among them."""
        return self.page(queries.uses_of(self.actor, self.token(tenant_id, token_id)), UseOut)


class TokenQuarantine(TokenView):
    """Cutting off whom a leaked token let in."""

    @extend_schema(operation_id="tenants_tokens_quarantine", request=QuarantineIn, responses={202: TokenOut})
    def post(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Revoke a token, close the connections of every agent that joined with it, and refuse their credentials."""
        token = self.token(tenant_id, token_id)
        given = valid(QuarantineIn, request)
        return Response(TokenOut(actions.quarantine_token(by=self.actor, token=token, **given)).data, status=202)

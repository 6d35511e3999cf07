"""Enrollment tokens by API."""

import datetime as dt

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ListView, valid
from tenants.enrollment import queries
from tenants.enrollment.serializers import QuarantineIn
from tenants.enrollment.tokens import actions
from tenants.enrollment.tokens.serializers import NewTokenOut, TokenIn, TokenOut
from tenants.provisioning.api import TenantView


class Tokens(TenantView, ListView):
    """A tenant's enrollment tokens."""

    @extend_schema(operation_id="tenants_tokens_list", responses=TokenOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List tokens, newest first."""
        return self.page(queries.tokens_of(self.actor, self.tenant(tenant_id)), TokenOut)

    @extend_schema(operation_id="tenants_tokens_create", request=TokenIn, responses={201: NewTokenOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Make a token. The answer holds its secret, which is never shown again."""
        tenant = self.tenant(tenant_id)
        given = valid(TokenIn, request)
        life = dt.timedelta(days=given.pop("expires_in_days"))
        token, secret = actions.create_token(by=self.actor, tenant=tenant, expires_in=life, **given)
        headers = {"Location": f"/api/v1/tenants/{tenant.pk}/tokens/{token.pk}"}
        return Response(NewTokenOut(token, context={"secret": secret}).data, status=201, headers=headers)


class OneToken(TenantView):
    """One enrollment token."""

    @extend_schema(operation_id="tenants_tokens_retrieve", responses=TokenOut)
    def get(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Read a token."""
        return Response(TokenOut(queries.token(self.actor, self.tenant(tenant_id), token_id)).data)

    @extend_schema(operation_id="tenants_tokens_revoke", request=None, responses={200: TokenOut})
    def delete(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Revoke a token; agents that joined with it stay."""
        token = queries.token(self.actor, self.tenant(tenant_id), token_id)
        return Response(TokenOut(actions.revoke_token(by=self.actor, token=token)).data)


class TokenQuarantine(TenantView):
    """Cutting off whom a leaked token let in."""

    @extend_schema(operation_id="tenants_tokens_quarantine", request=QuarantineIn, responses={202: TokenOut})
    def post(self, request: Request, tenant_id: str, token_id: str) -> Response:
        """Revoke a token, close the connections of every agent that joined with it, and refuse their credentials."""
        token = queries.token(self.actor, self.tenant(tenant_id), token_id)
        given = valid(QuarantineIn, request)
        return Response(TokenOut(actions.quarantine_token(by=self.actor, token=token, **given)).data, status=202)

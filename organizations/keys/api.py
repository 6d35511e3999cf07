"""API keys by API."""

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from organizations import queries
from organizations.actions import keys
from organizations.api import InOrganization
from organizations.keys.serializers import KeyIn, KeyOut, KeyRotation, NewKeyOut, RevokedKeyOut
from organizations.models import ApiKey


class Keys(InOrganization):
    """API keys of an organization."""

    @extend_schema(operation_id="organizations_keys_list", responses=KeyOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List API keys, newest first, also those that have ended."""
        return self.page(queries.keys_of(self.actor, self.organization()), KeyOut)

    @extend_schema(operation_id="organizations_keys_create", request=KeyIn, responses={201: NewKeyOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Make an API key. Its secret is in this answer only."""
        given = valid(KeyIn, request)
        lasting = dt.timedelta(days=given.pop("expires_in_days"))
        return _new(*keys.create(by=self.actor, organization=self.organization(), expires_in=lasting, **given))


def _new(key: ApiKey, secret: str) -> Response:
    """201 with a key and, this once, its secret."""
    shown: dict[str, Any] = {**KeyOut(key).data, "secret": secret}
    location = f"/api/v1/organizations/{key.organization_id}/keys/{key.pk}"
    return Response(shown, status=201, headers={"Location": location})


class OneKey(InOrganization):
    """One API key."""

    tagged = frozenset({"name", "scopes", "tenant_ids", "networks", "expires_at", "revoked_at"})

    @extend_schema(operation_id="organizations_keys_retrieve", responses=KeyOut)
    def get(self, request: Request, organization_id: str, key_id: str) -> Response:
        """Read one API key."""
        return Response(KeyOut(queries.key(self.actor, self.organization(), key_id)).data)

    @extend_schema(operation_id="organizations_keys_revoke", responses={200: RevokedKeyOut})
    def delete(self, request: Request, organization_id: str, key_id: str) -> Response:
        """End an API key at once, and those that it made: `ended_with_it` has their ids."""
        key, made = keys.revoke(by=self.actor, organization=self.organization(), key_id=key_id)
        return Response({**KeyOut(key).data, "ended_with_it": [each.pk for each in made]})


class Rotation(InOrganization):
    """The exchange of an API key."""

    @extend_schema(operation_id="organizations_keys_rotate", request=KeyRotation, responses={201: NewKeyOut})
    def post(self, request: Request, organization_id: str, key_id: str) -> Response:
        """Make a successor that may do the same; the key ends when the overlap is over. No key rotates itself."""
        given = valid(KeyRotation, request)
        return _new(
            *keys.rotate(
                by=self.actor,
                organization=self.organization(),
                key_id=key_id,
                overlap=dt.timedelta(hours=given["overlap_hours"]),
                expires_in=dt.timedelta(days=given["expires_in_days"]),
            )
        )

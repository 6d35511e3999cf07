"""Addresses of the API for a connection's provisioning."""

from django.urls import path

from organizations import provisioning_api

_ONE = "organizations/<str:organization_id>/connections/<str:connection_id>/provisioning"

urlpatterns = [
    path(_ONE, provisioning_api.Provisioning.as_view(), name="api-provisioning"),
    path(f"{_ONE}/tokens", provisioning_api.ScimTokens.as_view(), name="api-scim-tokens"),
    path(f"{_ONE}/tokens/<str:scim_token_id>", provisioning_api.OneScimToken.as_view(), name="api-scim-token"),
]

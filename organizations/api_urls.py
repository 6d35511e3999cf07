"""Addresses of this room's API, under /api/v1/."""

from django.urls import path

from organizations import api, people_api, sso_api

_ONE = "organizations/<str:organization_id>"

urlpatterns = [
    path("organizations", api.Organizations.as_view(), name="api-organizations"),
    path(_ONE, api.OneOrganization.as_view(), name="api-organization"),
    path(f"{_ONE}/grants", api.Grants.as_view(), name="api-grants"),
    path("grants/<str:grant_id>", api.OneGrant.as_view(), name="api-grant"),
    path(f"{_ONE}/members", people_api.Members.as_view(), name="api-members"),
    path(f"{_ONE}/members/<str:membership_id>", people_api.OneMember.as_view(), name="api-member"),
    path(f"{_ONE}/invitations", people_api.Invitations.as_view(), name="api-invitations"),
    path(f"{_ONE}/invitations/<str:invitation_id>", people_api.OneInvitation.as_view(), name="api-invitation"),
    path(f"{_ONE}/connections", sso_api.Connections.as_view(), name="api-connections"),
    path(f"{_ONE}/connections/<str:connection_id>", sso_api.OneConnection.as_view(), name="api-connection"),
    path(f"{_ONE}/keys", people_api.Keys.as_view(), name="api-keys"),
    path(f"{_ONE}/keys/<str:key_id>", people_api.OneKey.as_view(), name="api-key"),
]

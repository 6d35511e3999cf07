"""Addresses of this room's API, under /api/v1/."""

from django.urls import include, path

from organizations import api, grants_api, people_api, role_api, security_api, sso_api, sso_domain_api, sso_renewal_api
from organizations.trail import api as trail_api

_ONE = "organizations/<str:organization_id>"
_CONNECTION = f"{_ONE}/connections/<str:connection_id>"

urlpatterns = [
    path("organizations", api.Organizations.as_view(), name="api-organizations"),
    path(_ONE, api.OneOrganization.as_view(), name="api-organization"),
    path(f"{_ONE}/security", security_api.Security.as_view(), name="api-security"),
    path(f"{_ONE}/security/sign-out", security_api.SignOut.as_view(), name="api-security-sign-out"),
    path(f"{_ONE}/audit", trail_api.Entries.as_view(), name="api-audit"),
    path(f"{_ONE}/audit/export", trail_api.Export.as_view(), name="api-audit-export"),
    path(f"{_ONE}/audit/<str:entry_id>", trail_api.OneEntry.as_view(), name="api-audit-entry"),
    path(f"{_ONE}/grants", grants_api.Grants.as_view(), name="api-grants"),
    path(f"{_ONE}/access-refusals", grants_api.Refusals.as_view(), name="api-access-refusals"),
    path(f"{_ONE}/access-requests", grants_api.AccessRequests.as_view(), name="api-access-requests"),
    path(f"{_ONE}/access-requests/<str:request_id>", grants_api.OneAccessRequest.as_view(), name="api-access-request"),
    path(f"{_ONE}/emergencies", grants_api.Emergencies.as_view(), name="api-emergencies"),
    path("emergencies/<str:emergency_id>", grants_api.OneEmergency.as_view(), name="api-emergency"),
    path("grants/<str:grant_id>", grants_api.OneGrant.as_view(), name="api-grant"),
    path("grants/<str:grant_id>/review", grants_api.GrantReview.as_view(), name="api-grant-review"),
    path(f"{_ONE}/members", people_api.Members.as_view(), name="api-members"),
    path(f"{_ONE}/members/<str:membership_id>", people_api.OneMember.as_view(), name="api-member"),
    path(f"{_ONE}/members/<str:membership_id>/clients", people_api.MemberClients.as_view(), name="api-member-clients"),
    path(f"{_ONE}/roles", role_api.Roles.as_view(), name="api-roles"),
    path(f"{_ONE}/roles/<str:role_id>", role_api.OneRole.as_view(), name="api-role"),
    path(f"{_ONE}/invitations", people_api.Invitations.as_view(), name="api-invitations"),
    path(f"{_ONE}/invitations/<str:invitation_id>", people_api.OneInvitation.as_view(), name="api-invitation"),
    path(
        f"{_ONE}/invitations/<str:invitation_id>/resend",
        people_api.InvitationMail.as_view(),
        name="api-invitation-resend",
    ),
    path(f"{_ONE}/join-requests", people_api.JoinRequests.as_view(), name="api-join-requests"),
    path(
        f"{_ONE}/join-requests/<str:join_request_id>/approve",
        people_api.JoinRequestApproval.as_view(),
        name="api-join-approve",
    ),
    path(
        f"{_ONE}/join-requests/<str:join_request_id>/decline",
        people_api.JoinRequestRefusal.as_view(),
        name="api-join-decline",
    ),
    path(f"{_ONE}/connections", sso_api.Connections.as_view(), name="api-connections"),
    path(_CONNECTION, sso_api.OneConnection.as_view(), name="api-connection"),
    path(f"{_CONNECTION}/certificates", sso_renewal_api.Certificates.as_view(), name="api-certificates"),
    path(
        f"{_CONNECTION}/certificates/<str:fingerprint>",
        sso_renewal_api.OneCertificate.as_view(),
        name="api-certificate",
    ),
    path(f"{_CONNECTION}/own-key", sso_renewal_api.OwnKey.as_view(), name="api-own-key"),
    path(f"{_CONNECTION}/refresh", sso_renewal_api.Refresh.as_view(), name="api-refresh"),
    path("", include("organizations.provisioning_urls")),
    path(f"{_CONNECTION}/test", sso_api.LastTest.as_view(), name="api-sign-in-test"),
    path(f"{_ONE}/domains", sso_domain_api.Domains.as_view(), name="api-domains"),
    path(f"{_ONE}/domains/<str:domain_id>", sso_domain_api.OneDomain.as_view(), name="api-domain"),
    path(f"{_ONE}/domains/<str:domain_id>/check", sso_domain_api.DomainCheck.as_view(), name="api-domain-check"),
    path(f"{_ONE}/keys", people_api.Keys.as_view(), name="api-keys"),
    path(f"{_ONE}/keys/<str:key_id>", people_api.OneKey.as_view(), name="api-key"),
]

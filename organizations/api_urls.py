"""Addresses of this room's API, under /api/v1/."""

from django.urls import path

from organizations import api
from organizations.branding import api as branding
from organizations.hostnames import api as hostnames
from organizations.keys import api as keys
from organizations.members import api as members
from organizations.msp import api as msp
from organizations.roles import api as roles
from organizations.scim.settings import api as provisioning
from organizations.security import api as security
from organizations.senders import api as senders
from organizations.sso.settings import api as connections
from organizations.sso.settings import domain_api as domains
from organizations.sso.settings import renewal_api as renewal
from organizations.trail import api as trail

_ONE = "organizations/<str:organization_id>"
_CONNECTION = f"{_ONE}/connections/<str:connection_id>"
_PROVISIONING = f"{_CONNECTION}/provisioning"

urlpatterns = [
    path("organizations", api.Organizations.as_view(), name="api-organizations"),
    path(_ONE, api.OneOrganization.as_view(), name="api-organization"),
    path(f"{_ONE}/brand", branding.OneBrand.as_view(), name="api-brand"),
    path(f"{_ONE}/brand/logos/<str:scheme>", branding.OneLogo.as_view(), name="api-brand-logo"),
    path(f"{_ONE}/security", security.Security.as_view(), name="api-security"),
    path(f"{_ONE}/security/sign-out", security.SignOut.as_view(), name="api-security-sign-out"),
    path(f"{_ONE}/hostnames", hostnames.Hostnames.as_view(), name="api-hostnames"),
    path(f"{_ONE}/hostnames/<str:hostname_id>", hostnames.OneHostname.as_view(), name="api-hostname"),
    path(f"{_ONE}/hostnames/<str:hostname_id>/check", hostnames.HostnameCheck.as_view(), name="api-hostname-check"),
    path(f"{_ONE}/mail-sender", senders.Sender.as_view(), name="api-mail-sender"),
    path(f"{_ONE}/mail-sender/check", senders.SenderCheck.as_view(), name="api-mail-sender-check"),
    path(f"{_ONE}/audit", trail.Entries.as_view(), name="api-audit"),
    path(f"{_ONE}/audit/export", trail.Export.as_view(), name="api-audit-export"),
    path(f"{_ONE}/audit/feed", trail.Feed.as_view(), name="api-audit-feed"),
    path(f"{_ONE}/audit/<str:entry_id>", trail.OneEntry.as_view(), name="api-audit-entry"),
    path(f"{_ONE}/grants", msp.Grants.as_view(), name="api-grants"),
    path(f"{_ONE}/access-refusals", msp.Refusals.as_view(), name="api-access-refusals"),
    path(f"{_ONE}/access-requests", msp.AccessRequests.as_view(), name="api-access-requests"),
    path(f"{_ONE}/access-requests/<str:request_id>", msp.OneAccessRequest.as_view(), name="api-access-request"),
    path(f"{_ONE}/emergencies", msp.Emergencies.as_view(), name="api-emergencies"),
    path("emergencies/<str:emergency_id>", msp.OneEmergency.as_view(), name="api-emergency"),
    path("grants/<str:grant_id>", msp.OneGrant.as_view(), name="api-grant"),
    path("grants/<str:grant_id>/review", msp.GrantReview.as_view(), name="api-grant-review"),
    path(f"{_ONE}/members", members.Members.as_view(), name="api-members"),
    path(f"{_ONE}/members/<str:membership_id>", members.OneMember.as_view(), name="api-member"),
    path(f"{_ONE}/members/<str:membership_id>/clients", members.MemberClients.as_view(), name="api-member-clients"),
    path(f"{_ONE}/roles", roles.Roles.as_view(), name="api-roles"),
    path(f"{_ONE}/roles/<str:role_id>", roles.OneRole.as_view(), name="api-role"),
    path(f"{_ONE}/invitations", members.Invitations.as_view(), name="api-invitations"),
    path(f"{_ONE}/invitations/<str:invitation_id>", members.OneInvitation.as_view(), name="api-invitation"),
    path(
        f"{_ONE}/invitations/<str:invitation_id>/resend",
        members.InvitationMail.as_view(),
        name="api-invitation-resend",
    ),
    path(f"{_ONE}/join-requests", members.JoinRequests.as_view(), name="api-join-requests"),
    path(
        f"{_ONE}/join-requests/<str:join_request_id>/approve",
        members.JoinRequestApproval.as_view(),
        name="api-join-approve",
    ),
    path(
        f"{_ONE}/join-requests/<str:join_request_id>/decline",
        members.JoinRequestRefusal.as_view(),
        name="api-join-decline",
    ),
    path(f"{_ONE}/connections", connections.Connections.as_view(), name="api-connections"),
    path(_CONNECTION, connections.OneConnection.as_view(), name="api-connection"),
    path(f"{_CONNECTION}/certificates", renewal.Certificates.as_view(), name="api-certificates"),
    path(
        f"{_CONNECTION}/certificates/<str:fingerprint>",
        renewal.OneCertificate.as_view(),
        name="api-certificate",
    ),
    path(f"{_CONNECTION}/own-key", renewal.OwnKey.as_view(), name="api-own-key"),
    path(f"{_CONNECTION}/refresh", renewal.Refresh.as_view(), name="api-refresh"),
    path(_PROVISIONING, provisioning.Provisioning.as_view(), name="api-provisioning"),
    path(f"{_PROVISIONING}/tokens", provisioning.ScimTokens.as_view(), name="api-scim-tokens"),
    path(f"{_PROVISIONING}/tokens/<str:scim_token_id>", provisioning.OneScimToken.as_view(), name="api-scim-token"),
    path(f"{_CONNECTION}/test", connections.LastTest.as_view(), name="api-sign-in-test"),
    path(f"{_ONE}/domains", domains.Domains.as_view(), name="api-domains"),
    path(f"{_ONE}/domains/<str:domain_id>", domains.OneDomain.as_view(), name="api-domain"),
    path(f"{_ONE}/domains/<str:domain_id>/check", domains.DomainCheck.as_view(), name="api-domain-check"),
    path(f"{_ONE}/keys", keys.Keys.as_view(), name="api-keys"),
    path(f"{_ONE}/keys/<str:key_id>", keys.OneKey.as_view(), name="api-key"),
    path(f"{_ONE}/keys/<str:key_id>/rotate", keys.Rotation.as_view(), name="api-key-rotate"),
    path(f"{_ONE}/service-accounts", members.ServiceAccounts.as_view(), name="api-service-accounts"),
]

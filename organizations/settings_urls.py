"""Addresses of an organization's settings pages."""

from django.urls import path

from organizations.branding import views as branding
from organizations.hostnames import views as hostnames
from organizations.keys import views as keys
from organizations.members import joining_views as joining
from organizations.members import views as members
from organizations.msp import access_views as others
from organizations.msp import client_role_views as client_roles
from organizations.msp import emergency_views as emergency
from organizations.msp import request_views as requests
from organizations.msp import working_views as working
from organizations.roles import views as roles
from organizations.scim.settings import views as provisioning
from organizations.security import views as security
from organizations.senders import views as senders
from organizations.sso.settings import connection_views as connection
from organizations.sso.settings import domain_views as domain
from organizations.sso.settings import renewal_views as renewal
from organizations.sso.settings import views as sso
from organizations.trail import views as trail

app_name = "settings"

_CONNECTION = "o/<str:organization_id>/sso/<str:connection_id>"

_MEMBER = "o/<str:organization_id>/members/<str:membership_id>"

urlpatterns = [
    path("o/<str:organization_id>/members/", members.members, name="members"),
    path("o/<str:organization_id>/members/<str:membership_id>/role/", members.change_role, name="member-role"),
    path("o/<str:organization_id>/members/<str:membership_id>/remove/", members.remove_member, name="member-remove"),
    path("o/<str:organization_id>/roles/", roles.roles, name="roles"),
    path("o/<str:organization_id>/roles/new/", roles.create_role, name="role-new"),
    path("o/<str:organization_id>/roles/<str:role_id>/", roles.one_role, name="role"),
    path("o/<str:organization_id>/roles/<str:role_id>/delete/", roles.delete_role, name="role-delete"),
    path(
        "o/<str:organization_id>/invitations/<str:invitation_id>/withdraw/",
        joining.withdraw_invitation,
        name="invitation-withdraw",
    ),
    path(
        "o/<str:organization_id>/invitations/<str:invitation_id>/resend/",
        joining.resend_invitation,
        name="invitation-resend",
    ),
    path("o/<str:organization_id>/join-requests/<str:join_request_id>/approve/", joining.approve, name="join-approve"),
    path("o/<str:organization_id>/join-requests/<str:join_request_id>/decline/", joining.decline, name="join-decline"),
    path(f"{_MEMBER}/clients/", client_roles.member_clients, name="member-clients"),
    path(f"{_MEMBER}/clients/<str:set_id>/remove/", client_roles.remove_set, name="member-set-remove"),
    path("o/<str:organization_id>/emergency/<str:grant_id>/", emergency.break_in, name="emergency"),
    path("o/<str:organization_id>/emergencies/<str:emergency_id>/end/", emergency.end, name="emergency-end"),
    path("o/<str:organization_id>/work/", working.work, name="work"),
    path("o/<str:organization_id>/access/", others.access_by_others, name="access"),
    path("o/<str:organization_id>/access/requests/<str:code>/", others.answer, name="access-answer"),
    path("o/<str:organization_id>/clients/access/", requests.client_access, name="client-access"),
    path(
        "o/<str:organization_id>/clients/access/requests/<str:request_id>/withdraw/",
        requests.take_back,
        name="access-request-withdraw",
    ),
    path("o/<str:organization_id>/grants/<str:grant_id>/review/", others.review_grant, name="grant-review"),
    path("o/<str:organization_id>/grants/<str:grant_id>/withdraw/", others.withdraw_grant, name="grant-withdraw"),
    path("o/<str:organization_id>/keys/", keys.keys, name="keys"),
    path("o/<str:organization_id>/keys/new/", keys.create_key, name="key-new"),
    path("o/<str:organization_id>/keys/<str:key_id>/revoke/", keys.revoke_key, name="key-revoke"),
    path("o/<str:organization_id>/keys/<str:key_id>/rotate/", keys.rotate_key, name="key-rotate"),
    path("o/<str:organization_id>/service-accounts/", members.add_service_account, name="service-account-new"),
    path("o/<str:organization_id>/sso/", sso.sso, name="sso"),
    path("o/<str:organization_id>/sso/emergency/", sso.choose_emergency_owner, name="sso-emergency"),
    path("o/<str:organization_id>/sso/new/", sso.choose_provider, name="sso-new"),
    path("o/<str:organization_id>/sso/new/oidc/", sso.add_oidc, name="oidc-new"),
    path("o/<str:organization_id>/sso/new/saml/", sso.add_saml, name="saml-new"),
    path(f"{_CONNECTION}/", connection.provider, name="sso-connection"),
    path(f"{_CONNECTION}/attributes/", connection.attributes, name="sso-attributes"),
    path(f"{_CONNECTION}/test/", connection.test, name="sso-test"),
    path(f"{_CONNECTION}/turn-on/", connection.turn_on, name="sso-turn-on"),
    path(f"{_CONNECTION}/provisioning/", provisioning.provisioning, name="sso-provisioning"),
    path(f"{_CONNECTION}/provisioning/subject/", provisioning.subject, name="sso-provisioning-subject"),
    path(f"{_CONNECTION}/provisioning/stop/", provisioning.stop, name="sso-provisioning-stop"),
    path(
        f"{_CONNECTION}/provisioning/tokens/<str:scim_token_id>/revoke/",
        provisioning.revoke,
        name="sso-provisioning-revoke",
    ),
    path(f"{_CONNECTION}/renew/", renewal.renew, name="sso-renew"),
    path(f"{_CONNECTION}/refresh/", renewal.refresh, name="sso-refresh"),
    path(f"{_CONNECTION}/certificates/", renewal.add_certificate, name="sso-certificate-new"),
    path(
        f"{_CONNECTION}/certificates/<str:fingerprint>/remove/",
        renewal.remove_certificate,
        name="sso-certificate-remove",
    ),
    path(f"{_CONNECTION}/own-key/<str:step>/", renewal.own_key, name="sso-own-key"),
    path(f"{_CONNECTION}/<str:verb>/", connection.switch, name="sso-switch"),
    path("o/<str:organization_id>/domains/", domain.domains, name="domains"),
    path("o/<str:organization_id>/domains/<str:domain_id>/check/", domain.check, name="domain-check"),
    path("o/<str:organization_id>/domains/<str:domain_id>/use/", domain.use, name="domain-use"),
    path("o/<str:organization_id>/domains/<str:domain_id>/give-up/", domain.give_up, name="domain-give-up"),
    path("o/<str:organization_id>/brand/hostname/", hostnames.hostnames, name="hostnames"),
    path("o/<str:organization_id>/brand/hostname/<str:hostname_id>/check/", hostnames.check, name="hostname-check"),
    path(
        "o/<str:organization_id>/brand/hostname/<str:hostname_id>/give-up/",
        hostnames.give_up,
        name="hostname-give-up",
    ),
    path("o/<str:organization_id>/brand/sender/", senders.sender, name="mail-sender"),
    path("o/<str:organization_id>/brand/sender/check/", senders.check, name="mail-sender-check"),
    path("o/<str:organization_id>/brand/sender/give-up/", senders.give_up, name="mail-sender-give-up"),
    path("o/<str:organization_id>/security/", security.security, name="security"),
    path("o/<str:organization_id>/security/sign-out/", security.sign_everybody_out, name="security-sign-out"),
    path(
        "o/<str:organization_id>/security/connections/<str:connection_id>/",
        security.trust_second_factor,
        name="security-connection",
    ),
    path("o/<str:organization_id>/brand/", branding.brand, name="brand"),
    path("o/<str:organization_id>/brand/remove/", branding.remove, name="brand-remove"),
    path("o/<str:organization_id>/brand/logos/<str:scheme>/", branding.set_logo, name="brand-logo"),
    path("o/<str:organization_id>/brand/logos/<str:scheme>/remove/", branding.remove_logo, name="brand-logo-remove"),
    path("o/<str:organization_id>/audit/", trail.entries, name="audit"),
    path("o/<str:organization_id>/audit/export/", trail.export, name="audit-export"),
    path("o/<str:organization_id>/audit/<str:entry_id>/", trail.entry, name="audit-entry"),
]

"""Addresses of an organization's settings pages."""

from django.urls import path

from organizations import settings_views as views
from organizations import sso_settings_views as sso

app_name = "settings"

urlpatterns = [
    path("o/<str:organization_id>/members/", views.members, name="members"),
    path("o/<str:organization_id>/members/<str:membership_id>/role/", views.change_role, name="member-role"),
    path("o/<str:organization_id>/members/<str:membership_id>/remove/", views.remove_member, name="member-remove"),
    path(
        "o/<str:organization_id>/invitations/<str:invitation_id>/withdraw/",
        views.withdraw_invitation,
        name="invitation-withdraw",
    ),
    path("o/<str:organization_id>/grants/<str:grant_id>/withdraw/", views.withdraw_grant, name="grant-withdraw"),
    path("o/<str:organization_id>/keys/", views.keys, name="keys"),
    path("o/<str:organization_id>/keys/new/", views.create_key, name="key-new"),
    path("o/<str:organization_id>/keys/<str:key_id>/revoke/", views.revoke_key, name="key-revoke"),
    path("o/<str:organization_id>/sso/", sso.sso, name="sso"),
    path("o/<str:organization_id>/sso/new/oidc/", sso.add_oidc, name="oidc-new"),
    path("o/<str:organization_id>/sso/new/saml/", sso.add_saml, name="saml-new"),
    path("o/<str:organization_id>/sso/<str:connection_id>/renew/", sso.renew, name="sso-renew"),
    path("o/<str:organization_id>/sso/<str:connection_id>/<str:verb>/", sso.switch, name="sso-switch"),
    path("o/<str:organization_id>/audit/", views.audit_log, name="audit"),
]

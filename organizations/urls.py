"""Addresses of sign-in and sign-up."""

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from organizations import switching, views
from organizations.accounts.views import account, confirm, passkey_options, reset, sign_in, sign_up
from organizations.branding import public_views as branding
from organizations.members import invitation_views, join_views
from organizations.msp import access_views, working_views
from organizations.sso import views as sso
from organizations.sso.oidc import views as oidc
from organizations.sso.saml import views as saml


class ConnectionId(StringConverter):
    """`conn_` and 20 characters: anything else is no address of ours."""

    regex = "conn_[a-z2-7]{20}"


class ProviderKey(StringConverter):
    """A connection, or the platform's own provider."""

    regex = "platform|conn_[a-z2-7]{20}"


class MailedCodeId(StringConverter):
    """`mcode_` and 20 characters."""

    regex = "mcode_[a-z2-7]{20}"


class Digest(StringConverter):
    """A SHA-256 in hexadecimal digits."""

    regex = "[0-9a-f]{64}"


class Secret(StringConverter):
    """The secret half of a mailed link."""

    regex = "[0-9A-Za-z]{22}"


register_converter(MailedCodeId, "mailed_code")
register_converter(Digest, "digest")
register_converter(Secret, "secret")
register_converter(ConnectionId, "connection")
register_converter(ProviderKey, "provider")

urlpatterns = [
    path("scim/v2/<str:connection_id>/", include("organizations.scim.urls")),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("sign-in/password/", sign_in.by_password, name="sign-in-password"),
    path("sign-in/passkey/", sign_in.by_passkey, name="sign-in-passkey"),
    path("sign-in/second-step/", sign_in.second_step, name="second-step"),
    path("passkeys/options/", passkey_options.options, name="passkey-options"),
    path("confirm/", confirm.confirm, name="confirm"),
    path("confirm/<provider:key>/", confirm.by_provider, name="confirm-provider"),
    path("reset/", reset.ask, name="reset"),
    path("reset/<mailed_code:code_id>/<secret:secret>/", reset.set_password, name="reset-set"),
    path("account/", account.overview, name="account"),
    path("account/password/", account.password, name="account-password"),
    path("account/passkeys/new/", account.add_passkey, name="passkey-new"),
    path("account/passkeys/<str:passkey_id>/rename/", account.rename_passkey, name="passkey-rename"),
    path("account/passkeys/<str:passkey_id>/remove/", account.remove_passkey, name="passkey-remove"),
    path("account/authenticator/", account.authenticator, name="authenticator"),
    path("account/authenticator/remove/", account.remove_authenticator, name="authenticator-remove"),
    path("account/recovery-codes/", account.recovery_codes, name="account-recovery"),
    path("account/sessions/end-others/", account.end_other_sessions, name="sessions-end"),
    path("account/sessions/<str:session_id>/end/", account.end_session, name="session-end"),
    path("account/link/platform/", account.link_platform, name="link-platform"),
    path("sign-up/email/", sign_up.ask, name="sign-up-email"),
    path("sign-up/code/", sign_up.code, name="sign-up-code"),
    path("sign-up/finish/", sign_up.finish, name="sign-up-finish"),
    path("sign-up/", views.sign_up_page, name="sign-up"),
    path("sign-up/saml/", views.sign_up_saml, name="sign-up-saml"),
    path("sign-up/saml/<connection:connection_id>/", views.sign_up_pending, name="sign-up-pending"),
    path("invitations/<str:invitation_id>/", invitation_views.invitation, name="invitation"),
    path("invitations/<str:invitation_id>/accept/", invitation_views.accept, name="invitation-accept"),
    path("invitations/<str:invitation_id>/decline/", invitation_views.decline, name="invitation-decline"),
    path("join/<str:organization_id>/", join_views.ask, name="join-ask"),
    path("join/<str:organization_id>/take-back/", join_views.take_back, name="join-take-back"),
    path("brand/<str:organization_id>/<digest:digest>.css", branding.stylesheet, name="brand-stylesheet"),
    path(
        "brand/<str:organization_id>/<digest:digest>.png", branding.logo, {"scheme": "light"}, name="brand-logo-light"
    ),
    path(
        "brand/<str:organization_id>/<digest:digest>-dark.png",
        branding.logo,
        {"scheme": "dark"},
        name="brand-logo-dark",
    ),
    path("organizations/", switching.switch, name="switch"),
    path("work/leave/", working_views.leave, name="work-leave"),
    path("access-requests/<str:code>/", access_views.request_for_access, name="access-request"),
    path("sso/platform/", sso.begin_platform, name="sign-in-platform"),
    path("sso/enter/<str:organization_id>/", sso.enter, name="enter"),
    path("sso/<connection:connection_id>/", sso.connection, name="connection"),
    path("sso/<connection:connection_id>/ask/", join_views.ask_by_connection, name="connection-ask"),
    path("sso/<connection:connection_id>/link/", sso.link, name="connection-link"),
    path("sso/oidc/<provider:key>/callback/", oidc.callback, name="oidc-callback"),
    path("sso/saml/<connection:connection_id>/metadata/", saml.metadata, name="saml-metadata"),
    path("sso/saml/<connection:connection_id>/acs/", saml.acs, name="saml-acs"),
    path("sso/saml/<connection:connection_id>/finish/", saml.finish, name="saml-finish"),
]

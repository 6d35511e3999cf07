"""Addresses of sign-in and sign-up."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from organizations import views
from organizations.sso import views as sso
from organizations.sso.oidc import views as oidc
from organizations.sso.saml import views as saml


class ConnectionId(StringConverter):
    """`conn_` and 20 characters: anything else is no address of ours."""

    regex = "conn_[a-z2-7]{20}"


class ProviderKey(StringConverter):
    """A connection, or the platform's own provider."""

    regex = "platform|conn_[a-z2-7]{20}"


register_converter(ConnectionId, "connection")
register_converter(ProviderKey, "provider")

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("sign-up/", views.sign_up_page, name="sign-up"),
    path("sign-up/saml/", views.sign_up_saml, name="sign-up-saml"),
    path("sign-up/saml/<connection:connection_id>/", views.sign_up_pending, name="sign-up-pending"),
    path("invitations/<str:invitation_id>/accept/", views.accept_invitation, name="invitation-accept"),
    path("sso/platform/", sso.begin_platform, name="sign-in-platform"),
    path("sso/enter/<str:organization_id>/", sso.enter, name="enter"),
    path("sso/<connection:connection_id>/", sso.connection, name="connection"),
    path("sso/<connection:connection_id>/link/", sso.link, name="connection-link"),
    path("sso/oidc/<provider:key>/callback/", oidc.callback, name="oidc-callback"),
    path("sso/saml/<connection:connection_id>/metadata/", saml.metadata, name="saml-metadata"),
    path("sso/saml/<connection:connection_id>/acs/", saml.acs, name="saml-acs"),
    path("sso/saml/<connection:connection_id>/finish/", saml.finish, name="saml-finish"),
]

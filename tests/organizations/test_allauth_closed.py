"""allauth's own doors are closed, and would stay closed if somebody mounted them."""

import pytest
from allauth.account.adapter import get_adapter as account_adapter
from allauth.account.utils import perform_login
from allauth.socialaccount.adapter import get_adapter as social_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, get_resolver, reverse

from controlplane import rls
from organizations.models import User


@pytest.fixture
def request_(db: None) -> HttpRequest:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    request._messages = FallbackStorage(request)
    return request


def test_email_authentication_is_off() -> None:
    assert settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION is False
    assert settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT is False
    assert settings.SOCIALACCOUNT_AUTO_SIGNUP is False
    assert settings.SOCIALACCOUNT_STORE_TOKENS is False


@pytest.mark.parametrize(
    "name", ["account_login", "account_signup", "socialaccount_connections", "saml_acs", "openid_connect_callback"]
)
def test_none_of_its_addresses_is_mounted(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name, args=["x"] if name in ("saml_acs", "openid_connect_callback") else [])


def test_no_address_of_ours_leads_into_it(db: None) -> None:
    patterns = str(list(get_resolver().reverse_dict.keys()))
    assert "allauth" not in patterns
    for address in ("/accounts/login/", "/accounts/saml/x/acs/", "/accounts/signup/", "/accounts/social/connections/"):
        assert Client().get(address).status_code == 404


def test_a_sign_in_that_nothing_proved_is_refused(request_: HttpRequest, alice: User) -> None:
    with rls.acting_as(f"user:{alice.pk}"):
        answer = perform_login(request_, alice, email_verification="none")
    assert answer.status_code == 403
    assert "_auth_user_id" not in request_.session


def test_a_social_sign_in_with_somebodys_verified_address_opens_nothing(request_: HttpRequest, alice: User) -> None:
    """The attack: an identity provider asserts alice's address, and allauth would match it."""
    from allauth.account.models import EmailAddress

    login = SocialLogin(
        user=User(email=alice.email),
        account=SocialAccount(provider="mallorys", uid="x"),
        email_addresses=[EmailAddress(email=alice.email, verified=True, primary=True)],
    )
    login.state = {"process": "login"}
    login.lookup()
    assert not login.is_existing
    assert not social_adapter().is_open_for_signup(request_, login)
    assert not social_adapter().is_auto_signup_allowed(request_, login)


def test_connecting_by_its_own_flow_needs_somebody_signed_in(request_: HttpRequest, alice: User) -> None:
    """The attack (`process=connect`): the state says connect, and nobody here asked for it."""
    login = SocialLogin(user=User(email="x@example.test"), account=SocialAccount(provider="mallorys", uid="x"))
    login.state = {"process": "connect"}
    with pytest.raises(NoReverseMatch):
        complete_social_login(request_, login)
    assert not SocialAccount.objects.exists()


def test_it_offers_no_provider_no_sign_up_and_fetches_nothing(request_: HttpRequest) -> None:
    assert social_adapter().list_apps(request_) == []
    assert not account_adapter().is_open_for_signup(request_)
    with pytest.raises(RuntimeError):
        social_adapter().get_requests_session()

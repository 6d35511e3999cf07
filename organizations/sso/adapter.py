"""
Closes allauth's own doors.

allauth keeps people's identities (`SocialAccount`) and runs the end of every sign-in; the protocols themselves are in
this package. None of allauth's addresses is mounted. Should one ever be, these adapters still refuse: a sign-in without
a proof made by this package, a sign-up, an identity provider taken from allauth's own tables, and a match by e-mail.
"""

from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from controlplane import pages
from controlplane.problems import Forbidden

PROVEN_ATTRIBUTE = "proven_person_id"


class AccountAdapter(DefaultAccountAdapter):
    """Lets in only whom `organizations.sso.sessions.begin` has marked on this very request."""

    def pre_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse | None:
        """Refuses a sign-in that no identity provider has proven, whatever flow it came from."""
        if getattr(request, PROVEN_ATTRIBUTE, None) != user.pk or not user.is_active:
            problem = Forbidden("This way of signing in is not open.", hint="Sign in with your identity provider.")
            return pages.problem_response(request, problem)
        return None

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: people come about in `organizations.actions.sign_in`."""
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """allauth's own notices are not ours."""


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Offers no provider, no sign-up and no match by e-mail."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[Any]:
        """None: connections are rows of ours, which no organization writes raw."""
        return []

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """No."""
        return False

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        """Never: whoever controls a provider could take over the account that has the address."""
        return False

    def get_requests_session(self) -> NoReturn:
        """allauth must not fetch addresses: only `organizations.sso.outgoing` may."""
        raise RuntimeError("Addresses are fetched by organizations.sso.outgoing only.")

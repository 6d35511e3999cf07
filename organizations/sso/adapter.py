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

from controlplane import pages, rls
from controlplane.problems import Forbidden

PROVEN_ATTRIBUTE = "proven_person_id"
PROVEN_WAY_ATTRIBUTE = "proven_way"
CONNECTION_PREFIX = "conn_"


class AccountAdapter(DefaultAccountAdapter):
    """Lets in only whom `organizations.sso.sessions.begin` has marked on this very request."""

    def pre_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse | None:
        """
        Refuses a sign-in that nobody has proven, whatever flow it came from.

        Refused too, with the way that is open: one by the platform where every organization of the person demands its
        own. What was proven is taken back from the request, so that no proof of it is kept.
        """
        if getattr(request, PROVEN_ATTRIBUTE, None) != user.pk or not user.is_active:
            problem = Forbidden("This way of signing in is not open.", hint="Sign in with your identity provider.")
            return pages.problem_response(request, problem)
        if not str(getattr(request, PROVEN_WAY_ATTRIBUTE, "")).startswith(CONNECTION_PREFIX):
            return _refuse_where_another_way_is_demanded(request, user)
        return None

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: people come about in `organizations.actions.sign_in`."""
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """allauth's own notices are not ours."""


def _refuse_where_another_way_is_demanded(request: HttpRequest, user: AbstractBaseUser) -> HttpResponse | None:
    from organizations.sso import completion, demands  # here: they stand on the sessions, which stand on this

    with rls.reading_as(f"user:{user.pk}"):
        demand = demands.closing(user)  # type: ignore[arg-type]
    if demand is None:
        return None
    setattr(request, PROVEN_ATTRIBUTE, None)
    return completion.demanded(request, demand, str(user.pk))


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

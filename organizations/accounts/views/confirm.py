"""Confirm that it is still you, before something dangerous."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane import rls
from controlplane.appearance import allow_forms_to
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations.accounts import guessing, people
from organizations.accounts.forms import CurrentPasswordForm, FactorCodeForm, PasskeyForm
from organizations.accounts.views.sign_in import (
    count_password,
    note_refusal,
    noting_excess,
    proven_by_passkey,
    proven_by_password,
    shown_code,
)
from organizations.actions.sign_in import ways_of
from organizations.models import User
from organizations.sso import departure, sessions
from organizations.sso.attempts import Attempt
from organizations.sso.completion import refused
from organizations.sso.oidc.provider import platform_origins
from organizations.sso.outgoing import origin_of
from organizations.sso.proven import SignInRefused


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """The ways in which this person can confirm that it is them; on POST, one of them is judged."""
    user = people.person(str(request.user.pk))
    assert user is not None
    of_account = (request.POST.get("for") or request.GET.get("for")) == "account"
    next_address = sessions.safe_next(request.POST.get("next") or request.GET.get("next") or "")
    if of_account and sessions.owes_only_second_factor(request):
        query = urlencode({"next": next_address, "for": "account"})
        return redirect(f"{reverse('second-step')}?{query}")
    password, code, passkey = CurrentPasswordForm(), FactorCodeForm(), PasskeyForm()
    if request.method == "POST":
        if "password" in request.POST:
            password = CurrentPasswordForm(request.POST)
            if done := _by_password(request, user, password, next_address):
                return done
        elif "code" in request.POST:
            code = FactorCodeForm(request.POST)
            if code.is_valid() and (shown := shown_code(request, user, code.cleaned_data["code"])):
                sessions.note_second_factor(request, how=shown)
                return redirect(next_address)
            code.add_error("code", "This code is not good now.")
        else:
            passkey = PasskeyForm(request.POST)
            if done := _by_passkey(request, user, passkey, next_address):
                return done
    forms = {"password_form": password, "code_form": code, "passkey_form": passkey}
    return _page(request, user, forms, next_address, of_account=of_account)


@calls_out
@login_required
@never_cache
@require_http_methods(["POST"])
def by_provider(request: HttpRequest, key: str) -> HttpResponse:
    """Go to the platform's provider, or an organization's, which is asked to authenticate the person anew."""
    next_address = sessions.safe_next(request.POST.get("next", ""))
    attempt = Attempt(key, purpose="confirm", next=next_address, details={"user": str(request.user.pk)})
    try:
        return redirect(departure.to(request, attempt))
    except SignInRefused as refusal:
        return refused(request, None, refusal)


def _by_password(request: HttpRequest, user: User, form: CurrentPasswordForm, next_address: str) -> HttpResponse | None:
    if not form.is_valid():
        return None
    with noting_excess(request, user):
        count_password(request, user.email)
    if not people.with_own_password(user, form.cleaned_data["password"]):
        note_refusal(request, user, "WRONG_PASSWORD")
        form.add_error("password", "This is not your password.")
        return None
    if sessions.has_shown_second_factor(request):
        return sessions.begin(request, user, way=sessions.ACCOUNT, next_address=next_address, how="password")
    return proven_by_password(request, user, next_address)


def _by_passkey(request: HttpRequest, user: User, form: PasskeyForm, next_address: str) -> HttpResponse | None:
    with noting_excess(request, user):
        guessing.count("factor", user.pk)
    if form.is_valid():
        with told_on(form):
            proven_by_passkey(request, "confirm", form, user_id=user.pk)
            return sessions.begin(
                request, user, way=sessions.ACCOUNT, next_address=next_address, second_factor=True, how="passkey"
            )
    return None


def _page(
    request: HttpRequest, user: User, forms: Mapping[str, object], next_address: str, *, of_account: bool
) -> HttpResponse:
    ways = ways_of(user)
    with rls.reading_as(f"user:{user.pk}"):
        connections = [] if of_account and people.has_way_of_their_own(user) else ways.connections
    context = {
        **forms,
        "next": next_address,
        "of_account": of_account,
        "has_password": user.has_usable_password(),
        "factors": people.factors_of(user.pk),
        "platform": ways.platform,
        "connections": connections,
    }
    bad = any(getattr(form, "errors", None) for form in forms.values())
    page = render(request, "accounts/confirm.html", context, status=422 if bad else 200)
    origins = [origin_of(connection.sign_in_url) for connection in connections]
    allow_forms_to(page, *origins, *(platform_origins() if ways.platform else []))
    return page

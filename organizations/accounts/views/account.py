"""A person's own account: how they sign in, and where they are signed in."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.appearance import allow_forms_to
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations.access import require_control
from organizations.accounts import authenticators, passkeys, people
from organizations.accounts.forms import DeviceNameForm, FactorCodeForm, NewPasswordForm, PasskeyForm
from organizations.actions import accounts, browser_sessions, factors
from organizations.actions.sign_in import ways_of
from organizations.members.join_views import waiting_for
from organizations.models import User
from organizations.sso import departure, sessions
from organizations.sso.attempts import Attempt
from organizations.sso.completion import refused
from organizations.sso.oidc.provider import PLATFORM, platform_is_configured, platform_origins
from organizations.sso.proven import SignInRefused


@login_required
@never_cache
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Everything that proves this person, and every browser they are signed in with."""
    actor = actor_of(request)
    user = User.objects.get(pk=actor.user_id)
    ways = ways_of(user)
    context = {
        "user_": user,
        "factors": people.factors_of(user.pk),
        "has_password": user.has_usable_password(),
        "platform_tied": ways.platform,
        "platform": platform_is_configured(),
        "connections": ways.connections,
        "sessions": browser_sessions.living_of(actor),
        "own_session": actor.session_id,
        **waiting_for(request),
    }
    page = render(request, "accounts/overview.html", context)
    allow_forms_to(page, *platform_origins())
    return page


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Set or change the password; every other session ends."""
    require_control(actor_of(request))
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            user = accounts.change_password(by=actor_of(request), password=form.cleaned_data["password"])
            update_session_auth_hash(request, user)
            messages.success(request, "The password is set. Your other sessions have ended.")
            return redirect("account")
    context = {"form": form, "has_password": User.objects.get(pk=actor_of(request).user_id).has_usable_password()}
    return render(request, "accounts/password.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey by a name of its own."""
    require_control(actor_of(request))
    form, passkey = DeviceNameForm(request.POST or None), PasskeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and passkey.is_valid():
        with told_on(form):
            made = _made(request, passkey)
            factors.add_passkey(by=actor_of(request), made=made, name=form.cleaned_data["name"])
            sessions.note_second_factor(request, how="passkey")
            messages.success(request, "The passkey is added.")
            return _after_adding(request)
    context = {"form": form, "passkey": passkey, "next": _next(request)}
    return render(request, "accounts/passkey_new.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def rename_passkey(request: HttpRequest, passkey_id: str) -> HttpResponse:
    """Call a passkey something else."""
    factors.rename_passkey(by=actor_of(request), passkey_id=passkey_id, name=request.POST.get("name", ""))
    messages.success(request, "The passkey has its new name.")
    return redirect("account")


@login_required
@require_POST
def remove_passkey(request: HttpRequest, passkey_id: str) -> HttpResponse:
    """Remove a passkey."""
    factors.remove_passkey(by=actor_of(request), passkey_id=passkey_id)
    messages.success(request, "The passkey is removed and opens nothing any more. Your other sessions have ended.")
    return redirect("account")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def authenticator(request: HttpRequest) -> HttpResponse:
    """Show the QR code of a new authenticator app; on POST, take its first code."""
    actor = actor_of(request)
    form = FactorCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            factors.confirm_authenticator(by=actor, code=form.cleaned_data["code"])
            sessions.note_second_factor(request, how="app")
            messages.success(request, "The app is in use: you will be asked for its code.")
            return _after_adding(request)
    secret = factors.begin_authenticator(by=actor)
    email = getattr(request.user, "email", "")
    picture = authenticators.picture(secret, email)
    context = {"form": form, "picture": picture, "secret": secret, "next": _next(request)}
    return render(request, "accounts/authenticator.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def remove_authenticator(request: HttpRequest) -> HttpResponse:
    """Remove the authenticator app."""
    factors.remove_authenticator(by=actor_of(request))
    messages.success(request, "The authenticator app is removed. Your other sessions have ended.")
    return redirect("account")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Say what recovery codes are; on POST, make new ones and show them this once."""
    actor = actor_of(request)
    made = factors.make_recovery_codes(by=actor) if request.method == "POST" else []
    left = people.factors_of(actor.user_id).recovery_codes
    context = {"codes": made, "left": left, "next": _next(request) or reverse("account")}
    return render(request, "accounts/recovery_codes.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, session_id: str) -> HttpResponse:
    """Sign one browser out."""
    browser_sessions.end(by=actor_of(request), session_id=session_id)
    messages.success(request, "That browser is signed out, and what it had opened closes.")
    return redirect("account")


@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out every browser but this one."""
    count = browser_sessions.end_others(by=actor_of(request))
    messages.success(request, f"{count} other session{'' if count == 1 else 's'} ended.")
    return redirect("account")


@calls_out
@login_required
@require_POST
def link_platform(request: HttpRequest) -> HttpResponse:
    """Begin to tie the platform's sign-in to this account. Both sides are fresh: here just now, there anew."""
    actor = actor_of(request)
    require_control(actor)
    attempt = Attempt(PLATFORM, purpose="link", next=reverse("account"), details={"user": actor.user_id})
    try:
        return redirect(departure.to(request, attempt))
    except SignInRefused as refusal:
        return refused(request, None, refusal)


def _made(request: HttpRequest, form: PasskeyForm) -> passkeys.NewPasskey:
    try:
        answer = form.cleaned_data["credential"]
        return passkeys.register(request, "add", answer, user_id=actor_of(request).user_id)
    except passkeys.NotAccepted as refusal:
        raise passkeys.refused(refusal) from refusal


def _after_adding(request: HttpRequest) -> HttpResponse:
    """
    To the recovery codes, for whoever has none yet: the day on which they are needed is too late. From there, or at
    once, to where somebody was kept for want of a second factor.
    """
    onward = _next(request)
    if people.factors_of(actor_of(request).user_id).recovery_codes:
        return redirect(onward or "account")
    query = f"?{urlencode({'next': onward})}" if onward else ""
    return redirect(f"{reverse('account-recovery')}{query}")


def _next(request: HttpRequest) -> str:
    """Where the page leads on to, if it was not opened from the account's own."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    return sessions.safe_next(address) if address else ""

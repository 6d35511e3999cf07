"""
Sign up with an e-mail address.

1. The address is typed, and a code mailed to it. The answer is the same for every address.
2. The code is typed into the same browser. Only then does the address count, for half an hour.
3. A password or a passkey is chosen: now there is a person, signed in.
"""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations.accounts import guessing, mailed_codes, passkeys
from organizations.accounts.forms import EmailForm, MailedCodeForm, NameForm, NewPasswordForm, PasskeyForm
from organizations.accounts.models import MailedCode
from organizations.actions import accounts
from organizations.addresses import checked_address
from organizations.models import User
from organizations.models.user import new_user_id
from organizations.sso import sessions

CODE_KEY, PROVEN_KEY = "sign_up_code", "sign_up_proven"
PROVEN_SECONDS = 1800


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The address; on POST, the code is mailed."""
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            address = checked_address(form.cleaned_data["email"])
            guessing.count_mail(actor_of(request).address, address)
            asked = {"id": accounts.ask_for_code(email=address), "email": address, "next": _next(request)}
            request.session[CODE_KEY] = asked
            return redirect("sign-up-code")
    return _page(request, "email", {"form": form}, form)


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The code that was mailed."""
    asked = _stored(request, CODE_KEY)
    if not asked:
        return redirect("sign-up-email")
    form = MailedCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        guessing.count("code.place", actor_of(request).address)
        proven = mailed_codes.redeem(asked["id"], MailedCode.Purpose.SIGN_UP, form.cleaned_data["code"])
        if proven:
            request.session.cycle_key()
            del request.session[CODE_KEY]
            begun = {"email": proven, "user": new_user_id(), "at": time.time(), "next": asked.get("next", "")}
            request.session[PROVEN_KEY] = begun
            return redirect("sign-up-finish")
        form.add_error("code", "This code does not fit, or is too old. Look at the newest mail, or ask for another.")
    return _page(request, "code", {"form": form, "email": asked["email"], "next": asked.get("next", "")}, form)


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def finish(request: HttpRequest) -> HttpResponse:
    """Name, and a password or a passkey; on POST, the person."""
    proven = proven_address(request)
    if proven is None:
        return redirect("sign-up-email")
    sent = request.POST or None
    name, password, passkey = NameForm(sent), NewPasswordForm(sent), PasskeyForm(sent)
    if request.method == "POST" and name.is_valid() and passkey.is_valid():
        by_passkey = bool(passkey.cleaned_data["credential"])
        if by_passkey:
            with told_on(name):
                return _begin(request, _by_passkey(request, proven, name, passkey), second_factor=True)
        elif password.is_valid():
            with told_on(password):
                given = {"name": name.cleaned_data["name"], "password": password.cleaned_data["password"]}
                made = accounts.create_person(
                    by=actor_of(request), user_id=proven["user"], email=proven["email"], **given
                )
                return _begin(request, made, second_factor=False)
    context = {"form": password if password.errors else name, "name": name, "password": password}
    return _page(request, "finish", {**context, "email": proven["email"]}, context["form"])


def proven_address(request: HttpRequest) -> dict[str, Any] | None:
    """The address that this browser has just proven, with the id that its person will have."""
    proven = _stored(request, PROVEN_KEY)
    return proven if proven and 0 <= time.time() - proven["at"] < PROVEN_SECONDS else None


def _by_passkey(request: HttpRequest, proven: dict[str, Any], name: NameForm, form: PasskeyForm) -> User:
    try:
        answer = form.cleaned_data["credential"]
        made = passkeys.register(request, "sign_up", answer, user_id=proven["user"])
    except passkeys.NotAccepted as refusal:
        raise passkeys.refused(refusal) from refusal
    return accounts.create_person(
        by=actor_of(request),
        user_id=proven["user"],
        email=proven["email"],
        name=name.cleaned_data["name"],
        passkey=made,
    )


def _begin(request: HttpRequest, user: User, *, second_factor: bool) -> HttpResponse:
    begun = request.session.pop(PROVEN_KEY, None) or {}
    how = "passkey" if second_factor else "password"
    sessions.begin(request, user, way=sessions.ACCOUNT, second_factor=second_factor, how=how)
    return redirect(begun.get("next") or "sign-up")


def _next(request: HttpRequest) -> str:
    """Where they wanted to go, such as an invitation; empty for nowhere in particular."""
    wanted = sessions.safe_next(request.GET.get("next", ""))
    return wanted if wanted != "/" else ""


def _stored(request: HttpRequest, key: str) -> dict[str, Any]:
    stored = request.session.get(key)
    return stored if isinstance(stored, dict) else {}


def _page(request: HttpRequest, name: str, context: dict[str, Any], form: Any) -> HttpResponse:
    return render(request, f"accounts/sign_up_{name}.html", context, status=422 if form.errors else 200)

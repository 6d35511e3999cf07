"""
Sign in with a password or a passkey, and the second step.

A passkey is person and possession at once. A password is half of it for whoever has a second factor: until that is
shown, nobody is signed in, whatever address is asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.problems import Problem
from controlplane.transactions import calls_out
from organizations.accounts import authenticators, guessing, half, passkeys, people
from organizations.accounts.forms import FactorCodeForm, PasskeyForm, PasswordSignInForm
from organizations.accounts.half import Half
from organizations.actions import factors, sign_in_trail
from organizations.models import User
from organizations.sso import sessions
from organizations.views import sign_in_page

WRONG = "This address and password do not belong together."


@calls_out
@never_cache
@require_POST
def by_password(request: HttpRequest) -> HttpResponse:
    """Sign in with an address and a password; on to the second step where the person has one."""
    form = PasswordSignInForm(request.POST)
    next_address = sessions.safe_next(request.POST.get("next", ""))
    if form.is_valid():
        address = form.cleaned_data["email"]
        known = people.person_of(address)
        with noting_excess(request, known):
            count_password(request, address)
        user = people.with_password(address, form.cleaned_data["password"])
        if user is not None:
            return proven_by_password(request, user, next_address)
        note_refusal(request, known, "WRONG_PASSWORD")
        form.add_error(None, WRONG)
    return sign_in_page(request, password_form=form, next_address=next_address)


@calls_out
@never_cache
@require_POST
def by_passkey(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey, which names its person itself."""
    form = PasskeyForm(request.POST)
    next_address = sessions.safe_next(request.POST.get("next", ""))
    with noting_excess(request, None):
        guessing.count("passkey.place", actor_of(request).address)
    if form.is_valid():
        with told_on(form):
            user = proven_by_passkey(request, "sign_in", form)
            return sessions.begin(
                request, user, way=sessions.ACCOUNT, next_address=next_address, second_factor=True, how="passkey"
            )
    return sign_in_page(request, passkey_form=form, next_address=next_address)


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """
    The second factor: of somebody who gave their password, or of somebody who is signed in, for an organization that
    asks for one or before what proves them is changed.
    """
    waiting = half.current(request)
    user = _of_half(request, waiting)
    if user is None:
        return redirect("sign-in")
    form: Form = FactorCodeForm()
    next_address = waiting.next if waiting else sessions.safe_next(_given(request, "next"))
    if request.method == "POST":
        form = PasskeyForm(request.POST) if request.POST.get("credential") else FactorCodeForm(request.POST)
        if form.is_valid() and (shown := _shown(request, user, form)):
            return _whole(request, user, waiting, next_address, shown)
    context = {
        "form": form,
        "next": next_address,
        "factors": people.factors_of(user.pk),
        "half": waiting is not None,
        "of_account": _given(request, "for") == "account",
    }
    return render(request, "accounts/second_step.html", context, status=422 if form.errors else 200)


def note_refusal(request: HttpRequest, user: User | None, code: str) -> None:
    """Audits a try that failed; the work is the same whether or not anybody has the account."""
    user_id = user.pk if user else ""
    sign_in_trail.note_refusal(by=actor_of(request), user_id=user_id, code=code, way=sessions.ACCOUNT)


@contextmanager
def noting_excess(request: HttpRequest, user: User | None) -> Iterator[None]:
    """Audits that something was tried too often, and lets the refusal through."""
    try:
        yield
    except Problem as problem:
        note_refusal(request, user, problem.code)
        raise


def count_password(request: HttpRequest, address: str) -> None:
    """Bounds guesses at passwords. Raises a 429 Problem, whether or not anybody has the address."""
    place = actor_of(request).address
    guessing.count("password.place", place)
    guessing.count("password", f"{address} from {place}")
    guessing.count("password.address", address)


def proven_by_password(request: HttpRequest, user: User, next_address: str) -> HttpResponse:
    """What the right password is good for: a sign-in, or the first half of one."""
    if people.factors_of(user.pk).any:
        half.remember(request, half.of(user, next_address))
        return redirect("second-step")
    return sessions.begin(request, user, way=sessions.ACCOUNT, next_address=next_address, how="password")


def proven_by_passkey(request: HttpRequest, purpose: str, form: PasskeyForm, *, user_id: str = "") -> User:
    """Who answered with a passkey. Raises a Problem that is the same for every reason."""
    try:
        passkey = passkeys.prove(request, purpose, form.cleaned_data["credential"], user_id=user_id)
        user = passkeys.owner_of(passkey)
        if not user.is_active or user.is_staff:
            raise passkeys.NotAccepted("the account is switched off, or of staff")
    except passkeys.NotAccepted as refusal:
        note_refusal(request, people.person(refusal.user_id or user_id), "PASSKEY_REFUSED")
        raise passkeys.refused(refusal) from refusal
    return user


def shown_code(request: HttpRequest, user: User, code: str) -> str:
    """
    What somebody shows by a code: "app" or "recovery code"; empty for neither, which is audited. Tries are counted
    before they are judged.
    """
    with noting_excess(request, user):
        guessing.count("factor", user.pk)
        guessing.count("factor.day", user.pk)
    if authenticators.prove(user.pk, code):
        return "app"
    if factors.use_recovery_code(by=actor_of(request), user=user, code=code):
        return "recovery code"
    note_refusal(request, user, "WRONG_CODE")
    return ""


def _shown(request: HttpRequest, user: User, form: Form) -> str:
    if isinstance(form, PasskeyForm):
        with told_on(form):
            proven_by_passkey(request, "factor", form, user_id=user.pk)
            return "passkey"
        return ""
    if shown := shown_code(request, user, form.cleaned_data["code"]):
        return shown
    form.add_error("code", "This code is not good now. An app's code changes every 30 seconds and counts once.")
    return ""


def _whole(request: HttpRequest, user: User, waiting: Half | None, next_address: str, shown: str) -> HttpResponse:
    if waiting is None:
        sessions.note_second_factor(request, how=shown)
        return redirect(next_address)
    half.forget(request)
    how = f"password and {shown}"
    return sessions.begin(request, user, way=sessions.ACCOUNT, next_address=next_address, second_factor=True, how=how)


def _of_half(request: HttpRequest, waiting: Half | None) -> User | None:
    user_id = waiting.user if waiting else actor_of(request).user_id
    found = people.person(user_id) if user_id else None
    if found is None or not found.is_active or (waiting and not half.still_holds(waiting, found)):
        half.forget(request)
        return None
    return found


def _given(request: HttpRequest, name: str) -> str:
    return request.POST.get(name) or request.GET.get(name) or ""

"""A forgotten password: a link by mail, single use, half an hour."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations.accounts import guessing
from organizations.accounts.forms import EmailForm, NewPasswordForm
from organizations.actions import accounts
from organizations.addresses import checked_address
from organizations.sso import sessions


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The address; on POST, a mail goes out, whoever has it, and the page says no more than that."""
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            address = checked_address(form.cleaned_data["email"])
            guessing.count_mail(actor_of(request).address, address)
            accounts.ask_for_reset(email=address)
            return render(request, "accounts/reset_sent.html", {"email": address})
    return render(request, "accounts/reset.html", {"form": form}, status=422 if form.errors else 200)


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def set_password(request: HttpRequest, code_id: str, secret: str) -> HttpResponse:
    """The page behind the link; on POST, the new password stands and the link is worth nothing any more."""
    guessing.count("code.place", actor_of(request).address)
    if not accounts.reset_is_open(code_id, secret):
        return render(request, "accounts/reset_over.html", status=404)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            given = {"code_id": code_id, "secret": secret, "password": form.cleaned_data["password"]}
            if accounts.reset_password(by=actor_of(request), **given) is None:
                return render(request, "accounts/reset_over.html", status=404)
            if request.user.is_authenticated:
                sessions.end(request)
            return redirect(f"{reverse('sign-in')}?reset=done")
    return render(request, "accounts/reset_set.html", {"form": form}, status=422 if form.errors else 200)

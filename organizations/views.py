"""Pages of sign-in, sign-up and sign-out."""

from urllib.parse import urlencode

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.appearance import allow_forms_to
from controlplane.forms import told_on
from controlplane.problems import NotFound
from controlplane.transactions import calls_out
from organizations.accounts import guessing
from organizations.accounts.forms import PasskeyForm, PasswordSignInForm
from organizations.actions import sign_up
from organizations.actions.founding import checked_jurisdiction, checked_kind, checked_name
from organizations.actions.sign_in import connection_by_id
from organizations.forms import AddressForm, FoundForm, SamlSignUpForm
from organizations.frame import home_url
from organizations.members.join_views import waiting_for
from organizations.models import Connection
from organizations.sso import departure, sessions
from organizations.sso.attempts import Attempt
from organizations.sso.completion import REMEMBERED_COOKIE, REMEMBERED_SECONDS, refused, remember
from organizations.sso.domains.reach import connection_for
from organizations.sso.oidc.provider import PLATFORM, platform_is_configured, platform_origins
from organizations.sso.proven import SignInRefused
from organizations.sso.saml import service_provider


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """
    The ways in: the platform's provider, an organization's own, and the one last used on this device.

    A work e-mail leads to the connection of its domain where the domain's owner wants that; any other is answered by
    the same page, whether or not anybody has that address. A posted sign-in address leads to that organization's page;
    whether it exists is only told there, to whoever holds the unguessable address.
    """
    form = AddressForm(request.POST or None)
    next_address = sessions.safe_next(request.POST.get("next") or request.GET.get("next") or "")
    nowhere = False
    if request.method == "POST" and form.is_valid():
        if leads_to := _where_to(form):
            return redirect(f"{reverse('connection', args=[leads_to])}?{urlencode({'next': next_address})}")
        nowhere = True
    return sign_in_page(request, form=form, next_address=next_address, nowhere=nowhere)


def sign_in_page(
    request: HttpRequest,
    *,
    form: AddressForm | None = None,
    password_form: PasswordSignInForm | None = None,
    passkey_form: PasskeyForm | None = None,
    next_address: str,
    nowhere: bool = False,
) -> HttpResponse:
    """Every way in, with what was wrong with the one that was tried."""
    forms = (form or AddressForm(), password_form or PasswordSignInForm(), passkey_form or PasskeyForm())
    context = {
        "form": forms[0],
        "password_form": forms[1],
        "passkey_form": forms[2],
        "nowhere": nowhere,
        "next": next_address,
        "platform": platform_is_configured(),
        "remembered": _remembered(request),
        "reset_done": request.GET.get("reset") == "done",
    }
    bad = any(each.errors for each in forms)
    page = render(request, "organizations/sign_in.html", context, status=400 if bad else 200)
    allow_forms_to(page, *platform_origins())
    return page


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session here, and what it opened at the edge."""
    sessions.end(request)
    next_address = sessions.safe_next(request.POST.get("next", ""))
    return redirect("sign-in" if next_address == "/" else next_address)


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up_page(request: HttpRequest) -> HttpResponse:
    """Found an organization with the platform's sign-in. Whoever is signed in by it already needs no second trip."""
    form = FoundForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with told_on(form):
                return _found(request, form)
        except SignInRefused as refusal:
            return refused(request, None, refusal)
    context = {
        "form": form,
        "platform": platform_is_configured(),
        "signed_in": sessions.has_verified_address(request),
        **waiting_for(request),
    }
    page = render(request, "organizations/sign_up.html", context, status=400 if form.errors else 200)
    allow_forms_to(page, *platform_origins())
    return page


@calls_out
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up_saml(request: HttpRequest) -> HttpResponse:
    """Found a pending organization from an identity provider's metadata."""
    form = SamlSignUpForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        guessing.count("sign_up.place", actor_of(request).address)
        with told_on(form):
            connection = _found_with_saml(request, form)
            return remember(request, redirect("sign-up-pending", connection.pk), connection)
    return render(request, "organizations/sign_up_saml.html", {"form": form}, status=400 if form.errors else 200)


@never_cache
@require_GET
def sign_up_pending(request: HttpRequest, connection_id: str) -> HttpResponse:
    """What to tell the identity provider, until its first sign-in makes the organization active."""
    connection = connection_by_id(connection_id)
    if connection.organization.is_active or connection.kind != Connection.Kind.SAML:
        return redirect("connection", connection.pk)
    context = {
        "connection": connection,
        "organization": connection.organization,
        "entity_id": service_provider.entity_id(connection),
        "acs_url": service_provider.acs_url(connection),
        "metadata_url": service_provider.entity_id(connection),
        "sign_in_url": service_provider.absolute("connection", connection),
    }
    return render(request, "organizations/sign_up_pending.html", context)


def _where_to(form: AddressForm) -> str:
    """The connection that an address leads to; empty where it leads nowhere."""
    if form.connection_id:
        return form.connection_id
    connection = connection_for(form.cleaned_data["address"])
    return connection.pk if connection else ""


def _found(request: HttpRequest, form: FoundForm) -> HttpResponse:
    name = checked_name(form.cleaned_data["name"])
    kind = checked_kind(form.cleaned_data["kind"])
    where = checked_jurisdiction(form.cleaned_data["jurisdiction"])
    if request.user.is_authenticated and sessions.has_verified_address(request):
        organization = sign_up.found(by=actor_of(request), name=name, kind=kind, jurisdiction=where)
        return redirect(home_url(organization.pk))
    chosen = {"name": name, "kind": kind, "jurisdiction": where}
    attempt = Attempt(PLATFORM, purpose="found", details=chosen)
    return redirect(departure.to_platform(request, attempt))


def _found_with_saml(request: HttpRequest, form: SamlSignUpForm) -> Connection:
    return sign_up.found_with_saml(
        by=actor_of(request),
        name=form.cleaned_data["name"],
        kind=form.cleaned_data["kind"],
        jurisdiction=form.cleaned_data["jurisdiction"],
        metadata=form.read(),
        source_url=form.address,
    )


def _remembered(request: HttpRequest) -> Connection | None:
    """The connection last used in this browser, if it can still be used."""
    try:
        kept = request.get_signed_cookie(REMEMBERED_COOKIE, default="", max_age=REMEMBERED_SECONDS)
        connection = connection_by_id(kept or "")
    except (BadSignature, NotFound):
        return None
    return connection if connection.is_enabled else None

"""Pages on which an organization looks after its own identity providers."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations import queries
from organizations.access import require
from organizations.actions import connections
from organizations.forms import MetadataForm
from organizations.frame import Link
from organizations.models import Connection, Organization
from organizations.settings_page import organization_of, settings_page
from organizations.settings_rows import connection_row, policy_words
from organizations.sso.oidc.provider import discover, redirect_address
from organizations.sso_forms import OidcForm, PolicyForm, SamlForm, SecretForm

SECTION, TITLE = "sso", "Sign-in and SSO"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sso(request: HttpRequest, organization_id: str) -> HttpResponse:
    """How people sign in, with both sides' facts of each connection; on POST, how they must."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    rows = [connection_row(connection) for connection in queries.connections_of(actor, organization)]
    form = PolicyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            connections.set_policy(by=actor, organization=organization, policy=form.cleaned_data["policy"])
        if not form.errors:
            messages.success(request, "The policy is changed.")
            return redirect("settings:sso", organization_id)
    context = {
        "connections": rows,
        "policy_words": policy_words(organization),
        "demands_own": organization.sign_in_policy == Organization.SignInPolicy.CONNECTION,
        "form": form,
    }
    return settings_page(request, organization, SECTION, TITLE, context, form=form)


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_oidc(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Add an OpenID provider; its redirect address is told before, because providers ask for it first."""
    actor = actor_of(request)
    organization = _managed(request, organization_id)
    form = OidcForm(request.POST or None, organization=organization)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with told_on(form):
            provider = discover(given["issuer"].strip())
            with rls.acting_as(actor.rls_actor):
                connections.add_oidc(
                    by=actor,
                    organization=organization,
                    provider=provider,
                    connection_id=given["reserved"],
                    **{name: given[name] for name in ("name", "client_id", "client_secret")},
                )
            return _done(request, organization_id, "The connection is added. Tie your own sign-in to it to try it.")
    context = {"form": form, "redirect_address": redirect_address(form.connection_id)}
    return _form_page(request, organization, "Add OpenID Connect", context, "oidc_new")


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_saml(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Add a SAML provider by its metadata."""
    actor = actor_of(request)
    organization = _managed(request, organization_id)
    form = SamlForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            read = form.read()
            with rls.acting_as(actor.rls_actor):
                connections.add_saml(
                    by=actor,
                    organization=organization,
                    name=form.cleaned_data["name"],
                    metadata=read,
                    source_url=form.address,
                )
            return _done(request, organization_id, "The connection is added. Enter its addresses at your provider.")
    return _form_page(request, organization, "Add SAML", {"form": form}, "saml_new")


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Give an OpenID provider's new secret, or a SAML provider's new metadata."""
    organization = _managed(request, organization_id)
    with rls.reading_as(actor_of(request).rls_actor):
        connection = queries.connection(actor_of(request), organization, connection_id)
    form = _renewal_form(request, connection)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            _renew(request, organization, connection, form)
            return _done(request, organization_id, f"{connection.name} is renewed.")
    context = {"form": form, "connection": connection}
    return _form_page(request, organization, f"Renew {connection.name}", context, "connection_renew")


SWITCHES = {"enable": connections.enable, "disable": connections.disable}


@login_required
@require_POST
def switch(request: HttpRequest, organization_id: str, connection_id: str, verb: str) -> HttpResponse:
    """Switch a connection off or on again."""
    organization = organization_of(request, organization_id)
    if verb not in SWITCHES:
        raise Http404
    SWITCHES[verb](by=actor_of(request), organization=organization, connection_id=connection_id)
    return _done(request, organization_id, f"The connection is {verb}d.")


def _managed(request: HttpRequest, organization_id: str) -> Organization:
    """The organization, once it is sure that the asker may manage its sign-in: only then anything is fetched."""
    actor = actor_of(request)
    with rls.reading_as(actor.rls_actor):
        organization = organization_of(request, organization_id)
        require(actor, "sso.manage", organization)
    return organization


def _renewal_form(request: HttpRequest, connection: Connection) -> SecretForm | MetadataForm:
    if connection.kind == Connection.Kind.OIDC:
        return SecretForm(request.POST or None)
    return MetadataForm(request.POST or None, request.FILES or None)


def _renew(
    request: HttpRequest, organization: Organization, connection: Connection, form: SecretForm | MetadataForm
) -> None:
    actor = actor_of(request)
    which: dict[str, Any] = {"by": actor, "organization": organization, "connection_id": connection.pk}
    if isinstance(form, SecretForm):
        with rls.acting_as(actor.rls_actor):
            connections.renew_secret(**which, client_secret=form.cleaned_data["client_secret"])
        return
    read = form.read()
    with rls.acting_as(actor.rls_actor):
        connections.renew_saml(**which, metadata=read)


def _done(request: HttpRequest, organization_id: str, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("settings:sso", organization_id)


def _form_page(
    request: HttpRequest, organization: Organization, here: str, context: dict[str, Any], template: str
) -> HttpResponse:
    back = Link(TITLE, reverse("settings:sso", args=[organization.pk]))
    with rls.reading_as(actor_of(request).rls_actor):
        return settings_page(
            request,
            organization,
            SECTION,
            here,
            context,
            form=context["form"],
            template=f"organizations/settings/{template}.html",
            crumbs=(back,),
        )

"""Pages of an organization's sign-in as a whole: how people get in, connections, and adding one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations import queries
from organizations.actions import break_glass, connections
from organizations.models import Connection, Membership, Organization, SignInTest
from organizations.permissions import Role
from organizations.settings_page import organization_of, settings_page
from organizations.sso.guides import GUIDES, filled, values_of
from organizations.sso.oidc.provider import discover, redirect_address
from organizations.sso.settings.forms import OidcForm, PolicyForm, SamlForm
from organizations.sso.settings.page import SECTION, TITLE, form_page, managed
from organizations.sso.settings.rows import connection_row, domain_row, policy_words
from organizations.standings import may


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sso(request: HttpRequest, organization_id: str) -> HttpResponse:
    """How people sign in, with every connection and domain; on POST, how they must."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    found = list(queries.connections_of(actor, organization))
    tests = _last_tests(found)
    form = PolicyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            connections.set_policy(by=actor, organization=organization, policy=form.cleaned_data["policy"])
            messages.success(request, "The policy is changed.")
            return redirect("settings:sso", organization_id)
    context = {
        "connections": [connection_row(connection, tests.get(connection.pk)) for connection in found],
        "domains": [domain_row(domain) for domain in queries.domains_of(actor, organization)],
        "policy_words": policy_words(organization),
        "demands_own": organization.sign_in_policy == Organization.SignInPolicy.CONNECTION,
        "owners": _owners(organization),
        "can_choose": may(actor, "organization.manage", organization),
        "form": form,
    }
    return settings_page(request, organization, SECTION, TITLE, context, form=form)


@login_required
@require_POST
def choose_emergency_owner(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Choose the owner whom the platform's sign-in lets in although the organization demands its own."""
    organization = organization_of(request, organization_id)
    chosen = break_glass.choose(
        by=actor_of(request), organization=organization, membership_id=request.POST.get("membership") or None
    )
    words = (
        f"{chosen.break_glass} is the owner for emergencies." if chosen.break_glass else "Nobody is chosen any more."
    )
    messages.success(request, words)
    return redirect("settings:sso", organization_id)


@login_required
@require_safe
def choose_provider(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Which provider is to be connected, and by which protocol."""
    organization = managed(request, organization_id)
    return form_page(request, organization, "Connect a provider", {"guides": GUIDES.values()}, "provider_choice")


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_oidc(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Add an OpenID provider; its redirect address is told before, because providers ask for it first."""
    actor = actor_of(request)
    organization = managed(request, organization_id, confirmed=True)
    form = OidcForm(request.POST or None, organization=organization, initial=_named_after_guide(request))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with told_on(form):
            provider = discover(given["issuer"].strip())
            with rls.acting_as(actor.rls_actor):
                made = connections.add_oidc(
                    by=actor,
                    organization=organization,
                    provider=provider,
                    connection_id=given["reserved"],
                    **{name: given[name] for name in ("name", "client_id", "client_secret", "scopes")},
                )
            return _added(request, made)
    address = redirect_address(form.connection_id)
    context = {"form": form, "redirect_address": address, **_guide(request, "oidc", {"redirect_uri": address})}
    return form_page(request, organization, "Add OpenID Connect", context, "oidc_new")


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add_saml(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Add a SAML provider by its metadata, or by what its administrator types in."""
    actor = actor_of(request)
    organization = managed(request, organization_id, confirmed=True)
    named = _named_after_guide(request)
    form = SamlForm(request.POST or None, request.FILES or None, organization=organization, initial=named)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            read = form.read()
            with rls.acting_as(actor.rls_actor):
                made = connections.add_saml(
                    by=actor,
                    organization=organization,
                    name=form.cleaned_data["name"],
                    metadata=read,
                    source_url=form.address,
                    connection_id=form.cleaned_data["reserved"],
                )
            return _added(request, made)
    values = values_of(Connection(id=form.connection_id, kind=Connection.Kind.SAML))
    context = {"form": form, "values": values, **_guide(request, "saml", values)}
    return form_page(request, organization, "Add SAML", context, "saml_new")


def _added(request: HttpRequest, made: Connection) -> HttpResponse:
    waits = "" if made.is_enabled else " Test it, then have an owner switch it on."
    messages.success(request, f"{made.name} is added. It signs in nobody yet.{waits}")
    return redirect("settings:sso-connection", made.organization_id, made.pk)


def _guide(request: HttpRequest, kind: str, values: dict[str, str]) -> dict[str, Any]:
    guide = GUIDES.get(request.GET.get("guide", ""))
    return {"guide": guide, "steps": filled(guide, kind, values) if guide else []}


def _named_after_guide(request: HttpRequest) -> dict[str, str]:
    guide = GUIDES.get(request.GET.get("guide", ""))
    return {"name": guide.name} if guide else {}


def _last_tests(found: list[Connection]) -> dict[str, SignInTest]:
    """The newest finished test by connection."""
    ended = SignInTest.objects.filter(connection__in=found).exclude(outcome=SignInTest.Outcome.RUNNING)
    return {test.connection_id: test for test in ended.order_by("created_at")}


def _owners(organization: Organization) -> list[Membership]:
    """Who can be the owner for emergencies: only a verified address has a way in by the platform."""
    owners = Membership.objects.filter(organization=organization, role=Role.OWNER, user__email_verified=True)
    return list(owners.select_related("user"))

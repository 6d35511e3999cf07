"""Pages of one connection, in the order of its setting up: provider, attributes, test sign-in, turn on."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane import rls
from controlplane.actor import Actor, actor_of
from controlplane.appearance import allow_forms_to
from controlplane.forms import told_on
from organizations import queries
from organizations.access import require
from organizations.actions import connections, mapping, sign_in_tests, vouching
from organizations.actions.previewing import outlook_of
from organizations.frame import Link
from organizations.models import Connection, Organization, SignInTest
from organizations.roles.named import choices, role_name
from organizations.sso import departure
from organizations.sso.attempts import Attempt
from organizations.sso.guides import GUIDES, filled, values_of
from organizations.sso.models import new_test_id
from organizations.sso.outgoing import origin_of
from organizations.sso.settings.forms import MappingForm, mapping_fields, rule_forms, rules_of
from organizations.sso.settings.page import done, form_page, managed, managed_connection
from organizations.sso.settings.rows import connection_row, domain_row, provider_page, test_page

SWITCHES = {"enable": connections.enable, "disable": connections.disable}


@login_required
@require_safe
def provider(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Both sides' facts, certificates, and the guide with this connection's values."""
    organization, connection = managed_connection(request, organization_id, connection_id)
    guide = GUIDES.get(request.GET.get("guide", ""))
    context = {
        **provider_page(connection),
        "guides": [one for one in GUIDES.values() if connection.kind in one.steps],
        "guide": guide,
        "steps": filled(guide, connection.kind, values_of(connection)) if guide else [],
    }
    return _page(request, organization, connection, "Provider", context, "connection")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def attributes(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Which claim is what and which group gives which role; a preview shows what the last test would come to."""
    actor = actor_of(request)
    organization, connection = managed_connection(request, organization_id, connection_id)
    roles, trial = choices(organization_id), None
    form = MappingForm(request.POST or None, initial=mapping_fields(connection), kind=connection.kind, roles=roles)
    table = rule_forms(connection, roles, request.POST or None)
    if request.method == "POST" and form.is_valid() and table.is_valid():
        meant: dict[str, Any] = {**form.meant, "role_rules": rules_of(table)}
        with told_on(form):
            if "preview" not in request.POST:
                mapping.set_mapping(by=actor, organization=organization, connection_id=connection.pk, **meant)
                where = (organization_id, connection_id)
                return done(request, "Saved. It counts from the next sign-in on.", "settings:sso-attributes", *where)
            trial = mapping.tried(connection, **meant)
    context = {"form": form, "table": table, **_outlook(actor, organization, connection, trial)}
    return _page(request, organization, connection, "Attributes", context, "connection_attributes")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def test(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """What the last test sign-in showed; on POST, go to the provider for another one."""
    actor = actor_of(request)
    organization, connection = managed_connection(request, organization_id, connection_id)
    if request.method == "POST":
        attempt = Attempt(connection.pk, purpose="test", details={"test": new_test_id()})
        key, address = departure.begun(request, connection, attempt)
        sign_in_tests.begin(
            by=actor, organization=organization, connection=connection, test_id=attempt.details["test"], key=key
        )
        return redirect(address)
    last = sign_in_tests.latest(actor, organization, connection)
    shown = _preview(organization, connection, last)
    return _page(request, organization, connection, "Test sign-in", {"shown": shown}, "connection_test")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def turn_on(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Whom the connection affects: who may join by it, whom the sign-in page leads to it, who must use it."""
    actor = actor_of(request)
    organization, connection = managed_connection(request, organization_id, connection_id)
    if request.method == "POST":
        wanted = request.POST.get("just_in_time") == "on"
        mapping.set_just_in_time(by=actor, organization=organization, connection_id=connection_id, wanted=wanted)
        words = "People of your domains join by their first sign-in." if wanted else "Nobody joins by signing in."
        return done(request, words, "settings:sso-turn-on", organization_id, connection_id)
    context = {
        "domains": [domain_row(domain) for domain in queries.domains_of(actor, organization)],
        "default_role": role_name(organization_id, connection.default_role),
    }
    return _page(request, organization, connection, "Turn on", context, "connection_turn_on")


@login_required
@require_POST
def switch(request: HttpRequest, organization_id: str, connection_id: str, verb: str) -> HttpResponse:
    """Switch a connection off or on again."""
    organization = managed(request, organization_id)
    if verb not in SWITCHES:
        raise Http404
    SWITCHES[verb](by=actor_of(request), organization=organization, connection_id=connection_id)
    return done(request, f"The connection is {verb}d.", "settings:sso-connection", organization_id, connection_id)


def _outlook(
    actor: Actor, organization: Organization, connection: Connection, trial: Connection | None
) -> dict[str, Any]:
    """What the last test would come to. Args: trial: the connection as it is being tried; None as it is."""
    test = sign_in_tests.latest(actor, organization, connection)
    return {
        "preview": _preview(organization, trial or connection, test),
        "is_trial": trial is not None and test is not None,
        "sent": sorted(test.claims) if test else [],
    }


def _preview(organization: Organization, connection: Connection, last: SignInTest | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return test_page(connection, last, outlook_of(organization, connection, last))


def _page(
    request: HttpRequest,
    organization: Organization,
    connection: Connection,
    here: str,
    context: dict[str, Any],
    template: str,
) -> HttpResponse:
    """One step of the four. Its forms may lead to the provider, for the test."""
    actor = actor_of(request)
    last = sign_in_tests.latest(actor, organization, connection)
    with rls.reading_as(actor.rls_actor):
        may_vouch = vouching.may_vouch(require(actor, "sso.manage", organization))
    shared = {
        "is_draft": connection.state == Connection.State.DRAFT,
        "may_vouch": may_vouch,
        "may_change": may_vouch or connection.state == Connection.State.DRAFT,
        "connection": connection,
        "row": connection_row(connection, last),
        "wizard": _steps(connection, last, here),
    }
    crumb = Link(connection.name, reverse("settings:sso-connection", args=[organization.pk, connection.pk]))
    page = form_page(request, organization, here, {**context, **shared}, template, crumbs=(crumb,))
    allow_forms_to(page, origin_of(connection.sign_in_url))
    return page


def _steps(connection: Connection, last: SignInTest | None, here: str) -> list[dict[str, Any]]:
    """The four steps, with how far each is."""
    mapped = len(connection.mapping) + len(connection.role_rules)
    passed = last is not None and last.outcome == SignInTest.Outcome.PASSED
    enforced = any(domain.enforced for domain in connection.domains.all())
    on = "demanded" if enforced else "people join" if connection.just_in_time else "affects tied members only"
    states = (
        ("Provider", "sso-connection", True, f"{connection.get_kind_display()}, read"),
        ("Attributes", "sso-attributes", mapped > 0, f"{mapped} set" if mapped else "the usual names"),
        ("Test sign-in", "sso-test", passed, "passed" if passed else "refused" if last and last.code else "not yet"),
        ("Turn on", "sso-turn-on", enforced or connection.just_in_time, on),
    )
    return [
        {
            "number": number,
            "label": label,
            "url": reverse(f"settings:{route}", args=[connection.organization_id, connection.pk]),
            "done": is_done,
            "words": words,
            "current": label == here,
        }
        for number, (label, route, is_done, words) in enumerate(states, 1)
    ]

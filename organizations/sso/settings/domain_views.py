"""Pages of an organization's domains: claim, look for the record, say what it is used for, and give up."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations import queries
from organizations.actions import domains as actions
from organizations.models import Connection, Domain
from organizations.settings_page import organization_of, settings_page
from organizations.sso.settings.forms import DomainForm
from organizations.sso.settings.page import done, managed
from organizations.sso.settings.rows import domain_row

HERE = "settings:domains"


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def domains(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Claimed domains, with the record to publish for each; on POST, claim one."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    rows = [domain_row(domain) for domain in queries.domains_of(actor, organization)]
    form = DomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            claimed = actions.claim(by=actor, organization=organization, **form.cleaned_data)
            return done(request, f"{claimed.name} is claimed. Publish its record next.", HERE, organization_id)
    context = {
        "domains": rows,
        "connections": queries.connections_of(actor, organization).filter(state=Connection.State.ENABLED),
        "emergency_owner": organization.break_glass,
        "proven_by": dict(actor.proofs or ()).get(organization.pk, ""),
        "form": form,
    }
    return settings_page(request, organization, "domains", "Domains", context, form=form)


@calls_out
@login_required
@require_POST
def check(request: HttpRequest, organization_id: str, domain_id: str) -> HttpResponse:
    """Look for the record now."""
    organization = managed(request, organization_id)
    found = actions.check(by=actor_of(request), organization=organization, domain_id=domain_id)
    tell = messages.success if found.state == Domain.State.PROVEN else messages.warning
    tell(request, f"{found.name}: {found.looked_words}")
    return redirect(HERE, organization_id)


@login_required
@require_POST
def use(request: HttpRequest, organization_id: str, domain_id: str) -> HttpResponse:
    """Say where people of the domain are led, whether members of it must use that, and whether others may ask in."""
    organization = managed(request, organization_id)
    wanted: dict[str, Any] = {
        "connection_id": request.POST.get("connection") or None,
        "enforced": request.POST.get("enforced") == "on",
        "join_requests": request.POST.get("join_requests") == "on",
    }
    changed = actions.use(by=actor_of(request), organization=organization, domain_id=domain_id, **wanted)
    return done(request, f"{changed.name} is changed.", HERE, organization_id)


@login_required
@require_POST
def give_up(request: HttpRequest, organization_id: str, domain_id: str) -> HttpResponse:
    """Take a claim back."""
    organization = managed(request, organization_id)
    actions.give_up(by=actor_of(request), organization=organization, domain_id=domain_id)
    return done(request, "The domain is given up.", HERE, organization_id)

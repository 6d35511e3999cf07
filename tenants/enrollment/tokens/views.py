"""Enrollment tokens: the list, a new one with its secret shown once, the machines that came with it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations import access
from organizations.frame import Link
from organizations.names import names_of
from organizations.standings import permissions_of
from tenants.enrollment import queries
from tenants.enrollment.forms import QuarantineForm
from tenants.enrollment.installers import guides
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.rows import agent_row, refusal_row
from tenants.enrollment.tokens import actions
from tenants.enrollment.tokens.forms import TokenForm
from tenants.enrollment.tokens.rows import token_row
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant

MOST_REFUSALS = 10
MOST_AGENTS = 20


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """A tenant's tokens, and whom the edge refused."""
    tenant, permissions = _entered(request, tenant_id)
    actor = actor_of(request)
    tokens = list(queries.tokens_of(actor, tenant))
    names = names_of(token.created_by for token in tokens)
    rows = [token_row(token, names) for token in tokens]
    context = {
        "tenant": tenant,
        "tokens": rows,
        "unconfirmed": any(row["edge_note"] and row["edge_note"].passes for row in rows),
        "refusals": [refusal_row(refusal) for refusal in queries.refusals_of(actor, tenant)[:MOST_REFUSALS]],
        "frame": tenant_frame(request, tenant, permissions, here="Enrollment tokens", section="tokens"),
    }
    return render(request, "tenants/tokens.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Ask for a new token's limits; on POST, show its secret this once."""
    tenant, permissions = _entered(request, tenant_id)
    actor = actor_of(request)
    access.require(actor, "token.create", tenant.organization_id)
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            token, secret = actions.create_token(by=actor, tenant=tenant, **form.chosen())
            return _token_page(request, tenant, permissions, token, secret=secret)
    frame = tenant_frame(
        request, tenant, permissions, here="Create token", section="tokens", crumbs=[_tokens_link(tenant)]
    )
    context = {"tenant": tenant, "form": form, "frame": frame}
    return render(request, "tenants/token_new.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str, token_id: str) -> HttpResponse:
    """One token without its secret: its limits, how to use it, who came with it."""
    tenant, permissions = _entered(request, tenant_id)
    return _token_page(request, tenant, permissions, queries.token(actor_of(request), tenant, token_id))


@login_required
@require_safe
def arrivals(request: HttpRequest, tenant_id: str, token_id: str) -> HttpResponse:
    """The part of a token's page that waits for agents."""
    tenant, _ = _entered(request, tenant_id)
    token = queries.token(actor_of(request), tenant, token_id)
    return render(request, "tenants/arrivals.html", _arrivals(request, tenant, token))


@login_required
@require_POST
def revoke(request: HttpRequest, tenant_id: str, token_id: str) -> HttpResponse:
    """End a token."""
    tenant, _ = _entered(request, tenant_id)
    actor = actor_of(request)
    token = actions.revoke_token(by=actor, token=queries.token(actor, tenant, token_id))
    messages.success(request, f"The edge is told to refuse “{token.name}”. Agents that joined with it stay.")
    return redirect("tenants:token", tenant.pk, token.pk)


@login_required
@require_POST
def quarantine(request: HttpRequest, tenant_id: str, token_id: str) -> HttpResponse:
    """End a token and cut off whom it let in."""
    tenant, _ = _entered(request, tenant_id)
    actor = actor_of(request)
    token = queries.token(actor, tenant, token_id)
    form = QuarantineForm(request.POST)
    if form.is_valid():
        actions.quarantine_token(by=actor, token=token, reason=form.cleaned_data["reason"])
        messages.success(request, f"“{token.name}” is ended, and every agent that joined with it is being cut off.")
    else:
        messages.error(request, "Say why in a few words: the audit log keeps it. Nothing was changed.")
    return redirect("tenants:token", tenant.pk, token.pk)


def _token_page(
    request: HttpRequest, tenant: Tenant, permissions: frozenset[str], token: EnrollmentToken, *, secret: str = ""
) -> HttpResponse:
    context = {
        **_arrivals(request, tenant, token),
        "secret": secret,
        "can_quarantine": {"token.revoke", "agent.quarantine"} <= permissions,
        "can_revoke": "token.revoke" in permissions and token.state == "active",
        "guides": guides(
            script_url=settings.BASE_URL + static("portal/enroll.sh"),
            edge_url=tenant.cell.base_url.rstrip("/"),
            tenant_id=tenant.pk,
            is_local=settings.GARRISON_ENV == "local",
        ),
        "frame": tenant_frame(
            request, tenant, permissions, here=token.name, section="tokens", crumbs=[_tokens_link(tenant)]
        ),
    }
    return render(request, "tenants/token.html", context)


def _arrivals(request: HttpRequest, tenant: Tenant, token: EnrollmentToken) -> dict[str, Any]:
    actor = actor_of(request)
    may_see_agents = "agent.view" in permissions_of(actor, tenant.organization_id)
    agents = queries.agents_of(actor, tenant).filter(token=token)[:MOST_AGENTS] if may_see_agents else []
    refusals = queries.refusals_of(actor, tenant).filter(token_id_used=token.pk)[:3]
    return {
        "tenant": tenant,
        "token": token_row(token, names_of([token.created_by])),
        "agents": [agent_row(agent) for agent in agents],
        "refusals": [refusal_row(refusal) for refusal in refusals],
    }


def _tokens_link(tenant: Tenant) -> Link:
    return Link("Enrollment tokens", reverse("tenants:tokens", args=[tenant.pk]))


def _entered(request: HttpRequest, tenant_id: str) -> tuple[Tenant, frozenset[str]]:
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    return tenant, access.require(actor, "token.view", tenant.organization_id).permissions

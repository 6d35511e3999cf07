"""Enrollment tokens: the list, a new one with its secret shown once, the machines that came with it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from organizations import access
from organizations.frame import Link
from organizations.names import names_of
from organizations.standings import permissions_of
from tenants.enrollment import queries
from tenants.enrollment.forms import QuarantineForm
from tenants.enrollment.installers.guides import guides
from tenants.enrollment.installers.links import target
from tenants.enrollment.installers.views import picture
from tenants.enrollment.limits import LONGEST_NAME
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.rows import agent_row, refusal_row
from tenants.enrollment.tokens import actions, native
from tenants.enrollment.tokens.filters import TOKENS
from tenants.enrollment.tokens.forms import RenameForm, RotationForm, TokenForm
from tenants.enrollment.tokens.rows import chips, token_row, use_row
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
    tokens = list(TOKENS.narrowed(queries.tokens_of(actor, tenant), request.GET))
    names = names_of(token.created_by for token in tokens)
    rows = [token_row(token, names) for token in tokens]
    context = {
        "tenant": tenant,
        "tokens": rows,
        "any": bool(rows) or queries.tokens_of(actor, tenant).exists(),
        "chips": chips(request.GET.get("state", "")),
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
@never_cache
@require_POST
def rotate(request: HttpRequest, tenant_id: str, token_id: str) -> HttpResponse:
    """Put another token in this one's place; show its secret this once."""
    tenant, permissions = _entered(request, tenant_id)
    actor = actor_of(request)
    token = queries.token(actor, tenant, token_id)
    form = RotationForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose how long the old token works on. Nothing was changed.")
        return redirect("tenants:token", tenant.pk, token.pk)
    made, secret = actions.rotate_token(by=actor, token=token, overlap=form.chosen())
    return _token_page(request, tenant, permissions, made, secret=secret)


@login_required
@require_POST
def rename(request: HttpRequest, tenant_id: str, token_id: str) -> HttpResponse:
    """Call a token something else."""
    tenant, _ = _entered(request, tenant_id)
    actor = actor_of(request)
    token = queries.token(actor, tenant, token_id)
    form = RenameForm(request.POST)
    if form.is_valid():
        actions.rename_token(by=actor, token=token, name=form.cleaned_data["name"])
    else:
        messages.error(request, f"A name has 1 to {LONGEST_NAME} characters. Nothing was changed.")
    return redirect("tenants:token", tenant.pk, token.pk)


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
    where = target(token)
    context = {
        **_arrivals(request, tenant, token),
        "secret": secret,
        "wazuh5_token": native.wrapped(token, secret) if secret else "",
        "can_quarantine": {"token.revoke", "agent.quarantine"} <= permissions,
        "can_revoke": "token.revoke" in permissions and token.state == "active",
        "can_rotate": {"token.revoke", "token.create"} <= permissions and _may_be_rotated(token),
        "can_rename": "token.create" in permissions,
        "rotation": RotationForm(),
        **_history(request, token),
        "guides": guides(where, is_local=settings.GARRISON_ENV == "local"),
        "link": where.link,
        "picture": picture(where.link),
        "frame": tenant_frame(
            request, tenant, permissions, here=token.name, section="tokens", crumbs=[_tokens_link(tenant)]
        ),
    }
    return render(request, "tenants/token.html", context)


def _may_be_rotated(token: EnrollmentToken) -> bool:
    return token.revoked_at is None and token.state != "expired"


def _history(request: HttpRequest, token: EnrollmentToken) -> dict[str, Any]:
    """Who joined with a token, page by page, and who was refused with it."""
    actor = actor_of(request)
    page = page_of(queries.uses_of(actor, token), cursor=request.GET.get("cursor"), limit=MOST_AGENTS)
    refused = queries.refusals_of(actor, token.tenant).filter(token_id_used=token.pk)[:MOST_REFUSALS]
    return {
        "uses": [use_row(use) for use in page.rows],
        "page": pager(page),
        "refused": [refusal_row(refusal) for refusal in refused],
    }


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

"""Pages about a tenant's own data: its events, its dashboard, and access to them that was ended."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import Actor, actor_of
from controlplane.appearance import allow_forms_to
from controlplane.keyset import page_of, pager
from controlplane.problems import Invalid, Problem
from controlplane.rls import reading_as
from controlplane.transactions import calls_out
from organizations.names import names_of
from organizations.standings import permissions_of
from tenants.access import actions, queries
from tenants.access.choosing import Choice
from tenants.access.forms import DashboardForm
from tenants.access.newest import Search
from tenants.access.queries import EventLog
from tenants.access.revocation_rows import revocation_row
from tenants.access.rows import event_row
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant

A_PAGE, A_GLANCE, A_LOOK = 50, 8, 200


@calls_out
@login_required
@never_cache
@require_POST
def dashboard(request: HttpRequest, tenant_id: str) -> HttpResponseBase:
    """Fetch a one-time code and answer with the page that posts it to the tenant's own origin."""
    actor = actor_of(request)
    with reading_as(actor.rls_actor):
        tenant = provisioning.find(actor, tenant_id)
    form = DashboardForm(request.POST)
    if not form.is_valid():
        raise Invalid(
            "A dashboard opens in full or read-only, at a path of its own; this is neither.",
            hint="Open it from the tenant's page.",
            field=next(iter(form.errors)),
        )
    asked = {name: value or None for name, value in form.cleaned_data.items()}
    code = actions.open_dashboard(by=actor, tenant=tenant, **asked)
    context = {"tenant": tenant, "code": code, "person": str(request.user)}
    response = allow_forms_to(render(request, "tenants/handoff.html", context), _origin(code.post_to))
    # Under the site's same-origin policy browsers would send "Origin: null", which the edge has to refuse.
    response["Referrer-Policy"] = "strict-origin"
    return response


@calls_out
@login_required
@never_cache
@require_safe
def events(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """The newest events, which then go on by themselves; or older ones, page by page."""
    choice, before = Choice.read(request.GET.dict()), _number(request.GET.get("before"))
    actor = actor_of(request)
    with reading_as(actor.rls_actor):
        tenant, log = _opened(actor, tenant_id)
        permissions = permissions_of(actor, tenant.organization_id)
        frame = tenant_frame(request, tenant, permissions, here="Events", section="events")
    stretch = _stretch(log, tenant, choice, before)
    context = {"tenant": tenant, "choice": choice, "live": before is None, "frame": frame}
    return render(request, "tenants/events.html", {**context, **stretch})


@calls_out
@login_required
@never_cache
@require_safe
def tail(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """What has come since the event of a number: rows to put on top, and where to go on."""
    after, choice = _number(request.GET.get("after")) or 0, Choice.read(request.GET.dict())
    actor = actor_of(request)
    with reading_as(actor.rls_actor):
        tenant, log = _opened(actor, tenant_id)
    answer = log.read(after=after, limit=A_LOOK, kinds=choice.kinds, **choice.narrow)
    rows = [event_row(event) for event in reversed(answer["events"])]
    context = {"tenant": tenant, "choice": choice, "latest": max(after, answer["next"]), "events": rows}
    return render(request, "tenants/tail.html", context)


@calls_out
@login_required
@never_cache
@require_safe
def recent(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """The few newest events for the tenant's first page; an edge that is away is said, not raised."""
    actor = actor_of(request)
    with reading_as(actor.rls_actor):
        tenant, log = _opened(actor, tenant_id)
    context = _stretch(log, tenant, Choice(), None)
    context["events"] = context.get("events", [])[:A_GLANCE]
    return render(request, "tenants/recent_events.html", {"tenant": tenant, **context})


@login_required
@require_safe
def ended(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Dashboards and event streams that were ended, each with whether the edge has confirmed it."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    page = page_of(queries.revocations_of(actor, tenant), cursor=request.GET.get("cursor"))
    names = names_of(revocation.terms.get("subject", "") for revocation in page.rows)
    context = {
        "tenant": tenant,
        "rows": [revocation_row(revocation, names) for revocation in page.rows],
        "waiting": queries.pending_revocations(actor, tenant).count(),
        "page": pager(page),
        "frame": tenant_frame(
            request, tenant, permissions_of(actor, tenant.organization_id), here="Access", section="access"
        ),
    }
    return render(request, "tenants/access.html", context)


def _opened(actor: Actor, tenant_id: str) -> tuple[Tenant, EventLog]:
    tenant = provisioning.find(actor, tenant_id)
    return tenant, queries.event_log(actor, tenant)


def _stretch(log: EventLog, tenant: Tenant, choice: Choice, before: int | None) -> dict[str, Any]:
    """The events before a number, or the newest, with the numbers that lead on; or the problem of asking."""
    known = ((tenant.edge_view or {}).get("stream") or {}).get("seq") or 0
    search = Search(log, choice.kinds, enough=A_PAGE + 1, narrow=choice.narrow)
    try:
        found = search.newest(known) if before is None else search.before(before)
    except Problem as problem:
        return {"problem": problem, "events": [], "latest": known}
    shown = found.events[:A_PAGE]
    oldest = shown[-1]["seq"] if len(found.events) > A_PAGE else found.start + 1
    return {
        "events": [event_row(event) for event in shown],
        "latest": max(known, found.latest),
        "page": _pages(choice, before, oldest, found.oldest),
    }


def _pages(choice: Choice, before: int | None, oldest: int, first_kept: int) -> dict[str, str]:
    return {
        "older": f"?{choice.query}&before={oldest}" if oldest > max(first_kept, 1) else "",
        "newer": f"?{choice.query}" if before is not None else "",
        "words": "Newest first",
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"

"""Pages of the audit log: the trail, searched, and one entry in full."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.keyset import page_of, pager
from controlplane.models import AuditCheck
from organizations import access
from organizations.frame import Link
from organizations.settings_page import organization_of, settings_page
from organizations.trail import queries
from organizations.trail.download import download
from organizations.trail.people import names_in
from organizations.trail.rows import entry_facts, entry_row
from organizations.trail.search import ExportForm, SearchForm, actions_in, search_of

ENTRIES_A_PAGE = 50


@login_required
@require_safe
def entries(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Everything that was done or refused here, newest first; the address holds the search."""
    actor, organization = actor_of(request), organization_of(request, organization_id)
    access.require(actor, "audit.view", organization)
    form = SearchForm(request.GET, actions_in(organization.pk))
    rows = queries.entries(actor, organization, form) if form.is_valid() else None
    check = AuditCheck.objects.filter(pk=organization.pk, checked_at__isnull=False).first()
    context = {"form": form, "searched": bool(form.given), "entries": [], "check": check}
    if rows is not None:
        page = page_of(rows, cursor=request.GET.get("cursor") or None, limit=ENTRIES_A_PAGE)
        names = names_in(organization.pk, page.rows)
        context["entries"] = [entry_row(entry, names) for entry in page.rows]
        context["page"] = pager(page, keeping=form.address)
    return settings_page(request, organization, "audit", "Audit log", context, form=form)


@login_required
@require_safe
def entry(request: HttpRequest, organization_id: str, entry_id: str) -> HttpResponse:
    """One entry with everything that it holds."""
    organization = organization_of(request, organization_id)
    found = queries.entry(actor_of(request), organization, entry_id)
    context = {"entry": entry_facts(found, names_in(organization.pk, [found]))}
    return settings_page(
        request,
        organization,
        "audit",
        f"Entry {found.position}",
        context,
        template="organizations/settings/audit_entry.html",
        crumbs=(Link("Audit log", reverse("settings:audit", args=[organization_id])),),
    )


@login_required
@require_POST
def export(request: HttpRequest, organization_id: str) -> HttpResponseBase:
    """What the page's search finds, as a file."""
    organization = organization_of(request, organization_id)
    return download(actor_of(request), organization, search_of(request.POST, ExportForm))

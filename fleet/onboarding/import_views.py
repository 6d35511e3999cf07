"""Clients brought in by a file: the preview, the list, one file as it goes on, its report."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane import ordered
from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from fleet.client_templates import queries as templates
from fleet.clients.frame import frame_under_fleet
from fleet.onboarding import imports, queries
from fleet.onboarding.forms import ImportForm
from fleet.onboarding.lines import COLUMNS, MOST_LINES, NEEDED, SAMPLE
from fleet.onboarding.models import ClientImport
from fleet.onboarding.rows import foreseen_row, import_row, line_row, report
from organizations import access
from organizations import queries as organizations
from organizations.frame import Link
from organizations.names import names_of

AS_IN_FILE = (ordered.Column("number", "number"),)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Ask for a file and list earlier ones. On POST, show what it would make, or begin."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    access.require(actor, "client.manage", msp, confirmed=True)
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    foreseen: list[imports.Foreseen] = []
    if form.is_bound and form.is_valid():
        text, name = form.cleaned_data["csv"], form.cleaned_data.get("name") or "Clients"
        with told_on(form):
            if "begin" in request.POST:
                batch = imports.start(by=actor, msp=msp, text=text, name=name)
                messages.success(request, "They are being brought in. Each line shows here.")
                return redirect("fleet:client-import", msp.pk, batch.pk)
            foreseen = imports.preview(by=actor, msp=msp, text=text)
    page = page_of(queries.imports_of(actor, msp), cursor=request.GET.get("cursor") or None)
    states = queries.counts_of(page.rows)
    people = names_of(each.created_by for each in page.rows)
    names = templates.names_of(templates.all_of(msp.pk))
    context: dict[str, Any] = {
        "form": form,
        "text": form.cleaned_data["csv"] if foreseen else "",
        "file_name": form.cleaned_data.get("name") if foreseen else "",
        "foreseen": [foreseen_row(each, names) for each in foreseen],
        "faulty": sum(bool(each.line.faults) for each in foreseen),
        "fresh": sum(not each.is_known for each in foreseen),
        "imports": [import_row(each, people, states.get(each.pk, {})) for each in page.rows],
        "page": pager(page),
        "columns": COLUMNS,
        "needed": NEEDED,
        "most": MOST_LINES,
        "frame": frame_under_fleet(request, msp, "Import clients"),
    }
    return render(request, "fleet/client_imports.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def page(request: HttpRequest, organization_id: str, import_id: str) -> HttpResponse:
    """One file with what became of each line."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    batch = queries.one_import(actor, msp, import_id)
    state = request.GET.get("state", "")
    found = ordered.page_of(queries.lines_of(batch, state), AS_IN_FILE, cursor=request.GET.get("cursor") or None)
    states = queries.counts_of([batch]).get(batch.pk, {})
    here = Link("Import clients", reverse("fleet:client-imports", args=[msp.pk]))
    context = {
        "batch": import_row(batch, names_of([batch.created_by]), states),
        "lines": [line_row(line) for line in found.rows],
        "state": state,
        "page": ordered.pager(found, keeping=urlencode({"state": state}) if state else ""),
        "frame": frame_under_fleet(request, msp, batch.name, here),
    }
    return render(request, "fleet/client_import.html", context)


@login_required
@require_POST
def retry(request: HttpRequest, organization_id: str, import_id: str) -> HttpResponse:
    """Try what failed once more."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    imports.retry(by=actor, batch=queries.one_import(actor, msp, import_id))
    messages.success(request, "What failed is tried once more.")
    return redirect("fleet:client-import", msp.pk, import_id)


@login_required
@require_safe
def report_file(request: HttpRequest, organization_id: str, import_id: str) -> HttpResponse:
    """What became of every line, as a file."""
    actor = actor_of(request)
    msp = organizations.find(actor, organization_id)
    return report_of(queries.one_import(actor, msp, import_id))


@login_required
@require_safe
def sample(request: HttpRequest, organization_id: str) -> HttpResponse:
    """A file with every column, to begin from."""
    actor = actor_of(request)
    access.require(actor, "client.manage", organizations.find(actor, organization_id))
    return csv_file(SAMPLE, "clients.csv")


def report_of(batch: ClientImport) -> HttpResponse:
    """What became of every line of a file that was found as who is asking, as a CSV to be kept."""
    return csv_file(report(queries.lines_of(batch).order_by("number")), f"clients-{batch.pk[-6:]}.csv")


def csv_file(text: str, name: str) -> HttpResponse:
    """A CSV to be kept."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)

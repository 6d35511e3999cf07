"""A tenant's exports: the list, asking for one, and its file."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.keyset import page_of, pager
from controlplane.transactions import calls_out
from organizations import access
from organizations.names import names_of
from tenants.protection.backups.rows import size_words
from tenants.protection.exports import actions, queries
from tenants.protection.exports.download import download
from tenants.protection.exports.models import Export
from tenants.provisioning import marks
from tenants.provisioning import queries as provisioning
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """A tenant's exports, newest first."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
    page = page_of(queries.exports_of(actor, tenant), cursor=request.GET.get("cursor"))
    names = names_of(export.operation.requested_by for export in page.rows)
    going = any(export.operation.is_open for export in page.rows)
    there = tenant.ever_sent and tenant.requested != Tenant.Requested.DELETED
    context = {
        "tenant": tenant,
        "rows": [_row(export, names) for export in page.rows],
        "going": going,
        "may_export": "tenant.delete" in permissions,
        "can_ask": "tenant.delete" in permissions and there and not going,
        "page": pager(page),
        "frame": tenant_frame(request, tenant, permissions, here="Export", section="exports"),
    }
    return render(request, "tenants/exports.html", context)


@login_required
@require_POST
def ask(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have an export made."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    actions.ask(by=actor, tenant=tenant)
    messages.success(request, f"{tenant.name} is being exported. Every step shows here.")
    return redirect("tenants:exports", tenant.pk)


@calls_out
@login_required
@require_POST
def file(request: HttpRequest, tenant_id: str, export_id: str) -> HttpResponseBase:
    """The export as a file."""
    return download(actor_of(request), tenant_id, export_id)


def _row(export: Export, names: Mapping[str, str]) -> dict[str, Any]:
    operation = export.operation
    steps = list(operation.steps.all())
    return {
        "export": export,
        "mark": marks.of_operation(operation),
        "done": sum(step.state == "succeeded" for step in steps),
        "total": len(steps),
        "asked_by": names.get(operation.requested_by, ""),
        "size": size_words(export.bytes) if export.files else "",
    }

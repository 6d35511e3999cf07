"""A tenant's receipts: the list, one to read and print, and its file."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.keyset import page_of, pager
from controlplane.marks import Mark
from controlplane.problems import NotFound
from organizations import access
from organizations.frame import Frame, Link
from tenants.protection.receipts import actions
from tenants.protection.receipts import queries as receipts
from tenants.protection.receipts.models import Receipt
from tenants.provisioning import queries
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.models import Tenant

PENDING, REFUSED = Mark("working", "clock", "Pending at the edge"), Mark("failed", "circle-x", "Not signed")
SIGNED = Mark("ok", "shield-check", "Signed")


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """What the edge signed about a tenant."""
    tenant = queries.find(actor_of(request), tenant_id)
    page = page_of(receipts.receipts_of(actor_of(request), tenant), cursor=request.GET.get("cursor"))
    frame = _frame(request, tenant, "Receipts")
    context = {
        "tenant": tenant,
        "rows": [{"receipt": each, "mark": mark_of(each)} for each in page.rows],
        "waiting": any(each.pending for each in page.rows),
        "can_ask": "tenant.operate" in frame.permissions
        and tenant.ever_sent
        and tenant.requested != Tenant.Requested.DELETED,
        "page": pager(page),
        "frame": frame,
    }
    return render(request, "tenants/receipts.html", context)


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str, receipt_id: str) -> HttpResponse:
    """One receipt, to be read and printed."""
    tenant = queries.find(actor_of(request), tenant_id)
    receipt = receipts.find(actor_of(request), tenant, receipt_id)
    crumb = Link("Receipts", reverse("tenants:receipts", args=[tenant.pk]))
    context = {
        "tenant": tenant,
        "receipt": receipt,
        "mark": mark_of(receipt),
        "facts": facts_of(receipt.statement or {}),
        "remains": (receipt.statement or {}).get("remains") or [],
        "edge": tenant.cell.base_url,
        "frame": _frame(request, tenant, receipt.get_kind_display(), crumb),
    }
    return render(request, "tenants/receipt.html", context)


@login_required
@require_safe
def file(request: HttpRequest, tenant_id: str, receipt_id: str) -> HttpResponse:
    """The signed text as a file, with the key that it was verified with."""
    tenant = queries.find(actor_of(request), tenant_id)
    receipt = receipts.find(actor_of(request), tenant, receipt_id)
    if not receipt.receipt:
        raise NotFound("The edge has not signed this receipt.")
    text = json.dumps(receipts.as_file(receipt), indent=2)
    name = f'attachment; filename="{receipt.kind}-{receipt.pk}.json"'
    return HttpResponse(text, content_type="application/json", headers={"Content-Disposition": name})


@login_required
@require_POST
def ask(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Ask for an isolation receipt."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    actions.ask_for_isolation_receipt(by=actor, tenant=tenant)
    messages.success(request, "The edge looks at the tenant and signs what it finds. The receipt shows here.")
    return redirect("tenants:receipts", tenant.pk)


def mark_of(receipt: Receipt) -> Mark:
    """Whether it is signed."""
    if receipt.receipt:
        return SIGNED
    return PENDING if receipt.error is None else REFUSED.saying(why=str(receipt.error.get("message", "")))


def facts_of(statement: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """A statement as lines of name and value, whatever is in it; what remains has a place of its own."""
    lines: list[tuple[str, str]] = []
    for name, value in statement.items():
        if before == "" and name == "remains":
            continue
        lines += _lines(f"{before}{name.replace('_', ' ')}", value)
    return lines


def _lines(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return facts_of(value, f"{name}: ")
    if isinstance(value, list):
        return [line for number, each in enumerate(value, start=1) for line in _lines(f"{name} {number}", each)]
    return [(name, "none" if value is None else str(value))]


def _frame(request: HttpRequest, tenant: Tenant, here: str, *crumbs: Link) -> Frame:
    permissions = access.require(actor_of(request), "tenant.view", tenant.organization_id).permissions
    return tenant_frame(request, tenant, permissions, here=here, section="receipts", crumbs=crumbs)

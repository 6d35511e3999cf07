"""A tenant's backups: the list, one of them, and the ways back from it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from organizations import access
from organizations.frame import Link
from organizations.names import names_of
from tenants.protection.backups import actions as backups
from tenants.protection.backups import queries
from tenants.protection.backups.models import Backup
from tenants.protection.backups.rows import backup_row
from tenants.protection.forms import CloneForm, RestoreForm
from tenants.provisioning import queries as provisioning
from tenants.provisioning.buttons import when_of, words_for
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.kinds import CLONE, RESTORE
from tenants.provisioning.models import Tenant
from tenants.provisioning.previews import foreseen


@login_required
@require_safe
def listing(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """A tenant's backups, newest first, and when the next one is made."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
    kept = queries.backups_of(actor, tenant)
    page = page_of(kept, cursor=request.GET.get("cursor"))
    names = names_of(backup.requested_by for backup in page.rows)
    rows = [backup_row(backup, names) for backup in page.rows]
    context = {
        "tenant": tenant,
        "rows": rows,
        "changing": any(row["changes"] for row in rows),
        "last_daily": kept.filter(kind=Backup.Kind.SCHEDULED, state=Backup.State.SUCCEEDED).first(),
        "can_back_up": "tenant.operate" in permissions and tenant.edge_view and tenant.deleted_at is None,
        "page": pager(page),
        "frame": tenant_frame(request, tenant, permissions, here="Backups", section="backups"),
    }
    return render(request, "tenants/backups.html", context)


@login_required
@require_POST
def back_up(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have a backup made now."""
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    backups.back_up(by=actor, tenant=tenant)
    messages.success(request, f"{tenant.name} is being backed up. The list shows when it is done.")
    return redirect("tenants:backups", tenant.pk)


@login_required
@require_safe
def page(request: HttpRequest, tenant_id: str, backup_id: str) -> HttpResponse:
    """One backup, and what can be made of it."""
    tenant, backup = _found(request, tenant_id, backup_id)
    return _page(request, tenant, backup, RestoreForm(), CloneForm(tenant=tenant))


@login_required
@require_POST
def restore(request: HttpRequest, tenant_id: str, backup_id: str) -> HttpResponse:
    """Put the backup in the place of what is there."""
    tenant, backup = _found(request, tenant_id, backup_id)
    form = RestoreForm(request.POST)
    if form.is_valid():
        with told_on(form):
            typed = form.cleaned_data["confirm_name"]
            when = when_of(request)
            backups.restore(by=actor_of(request), backup=backup, confirm_name=typed, when=when)
            messages.success(
                request, f"{tenant.name} {words_for(request, 'is being restored. Every step shows here.')}"
            )
            return redirect("tenants:overview", tenant.pk)
    return _page(request, tenant, backup, form, CloneForm(tenant=tenant))


@login_required
@require_POST
def clone(request: HttpRequest, tenant_id: str, backup_id: str) -> HttpResponse:
    """Make another tenant of the backup."""
    tenant, backup = _found(request, tenant_id, backup_id)
    form = CloneForm(request.POST, tenant=tenant)
    if form.is_valid():
        with told_on(form):
            made, _ = backups.clone(by=actor_of(request), backup=backup, **form.cleaned_data)
            messages.success(request, f"{made.name} is on its way. Every step shows here.")
            return redirect("tenants:overview", made.pk)
    return _page(request, tenant, backup, RestoreForm(), form)


def _found(request: HttpRequest, tenant_id: str, backup_id: str) -> tuple[Tenant, Backup]:
    actor = actor_of(request)
    tenant = provisioning.find(actor, tenant_id)
    return tenant, queries.backup(actor, tenant, backup_id)


def _page(
    request: HttpRequest, tenant: Tenant, backup: Backup, restore_form: RestoreForm, clone_form: CloneForm
) -> HttpResponse:
    permissions = access.require(actor_of(request), "tenant.view", tenant.organization_id).permissions
    crumb = Link("Backups", reverse("tenants:backups", args=[tenant.pk]))
    row = backup_row(backup, names_of([backup.requested_by]))
    context: dict[str, Any] = {
        "tenant": tenant,
        "backup": row,
        "next_window": tenant.next_window,
        "restore_form": restore_form,
        "clone_form": clone_form,
        "restore_preview": foreseen(RESTORE, organization_id=tenant.organization_id, tenant=tenant),
        "clone_preview": foreseen(CLONE, organization_id=tenant.organization_id, tenant=None),
        "can_restore": row["usable"] and "tenant.operate" in permissions,
        "can_clone": row["usable"] and "tenant.create" in permissions,
        "frame": tenant_frame(request, tenant, permissions, here="Backup", section="backups", crumbs=[crumb]),
    }
    failed = restore_form.errors or clone_form.errors
    return render(request, "tenants/backup.html", context, status=422 if failed else 200)

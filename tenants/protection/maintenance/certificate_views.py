"""A tenant's certificates and its nodes' passwords: how old they are, when they end, and what was exchanged."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from controlplane.actor import actor_of
from controlplane.keyset import page_of, pager
from organizations import access
from organizations.names import names_of
from tenants.provisioning import queries
from tenants.provisioning.frame import tenant_frame
from tenants.provisioning.kinds import ROTATE, ROTATE_CREDENTIALS
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.previews import foreseen
from tenants.provisioning.timeline import tell
from tenants.provisioning.views import asker_of, certificate_of, is_free, may_rotate

EXCHANGES = (ROTATE, ROTATE_CREDENTIALS)


@login_required
@require_safe
def certificates(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """What is in use, until when, and every exchange, the newest first."""
    actor = actor_of(request)
    tenant = queries.find(actor, tenant_id)
    permissions = access.require(actor, "tenant.view", tenant.organization_id).permissions
    exchanges = queries.operations_of(actor, tenant).filter(kind__in=EXCHANGES)
    page = page_of(exchanges, cursor=request.GET.get("cursor"))
    context = {
        "tenant": tenant,
        **certificate_of(tenant.edge_view or {}),
        "credentials": (tenant.edge_view or {}).get("credentials"),
        "rows": _rows(page.rows),
        "page": pager(page),
        "can_rotate": may_rotate(tenant, permissions, free=is_free(tenant)),
        "next_window": tenant.next_window,
        "previews": {kind: _preview(tenant, kind) for kind in EXCHANGES},
        "frame": tenant_frame(request, tenant, permissions, here="Certificates", section="certificates"),
    }
    return render(request, "tenants/certificates.html", context)


def _rows(operations: list[Operation]) -> list[dict[str, Any]]:
    names = names_of(operation.requested_by for operation in operations)
    return [{"timeline": tell(operation), "asked_by": asker_of(operation, names)} for operation in operations]


def _preview(tenant: Tenant, kind: str) -> Any:
    return foreseen(kind, organization_id=tenant.organization_id, tenant=tenant)

"""The frame around a tenant's pages: its sections in the rail, its place in the breadcrumbs."""

from collections.abc import Sequence

from django.http import HttpRequest
from django.urls import reverse

from organizations.frame import Frame, Group, Link, frame_for, linked
from tenants.provisioning.models import Tenant

# section, label, icon, route, permission that shows it
SECTIONS = (
    ("overview", "Overview", "gauge", "tenants:overview", "tenant.view"),
    ("usage", "Usage", "chart-line", "tenants:usage", "tenant.view"),
    ("status", "Status", "radio", "tenants:status", "tenant.view"),
    ("events", "Events", "activity", "tenants:events", "events.read"),
    ("agents", "Agents", "server", "tenants:agents", "agent.view"),
    ("tokens", "Enrollment tokens", "key-round", "tenants:tokens", "token.view"),
    ("content", "Rules and content", "file-code", "tenants:content", "tenant.view"),
    ("access", "Access", "eye", "tenants:access", "tenant.view"),
    ("certificates", "Certificates", "shield-check", "tenants:certificates", "tenant.view"),
    ("backups", "Backups", "hard-drive", "tenants:backups", "tenant.view"),
    ("operations", "Operations", "refresh-cw", "tenants:operations", "tenant.view"),
    ("receipts", "Receipts", "file-badge", "tenants:receipts", "tenant.view"),
    ("exports", "Export", "download", "tenants:exports", "tenant.view"),
    ("settings", "Settings", "settings", "tenants:settings", "tenant.view"),
)

# what is begun at a tenant: label, icon, route, permission that allows it
COMMANDS = (
    ("Create enrollment token", "key-round", "tenants:token-new", "token.create"),
    ("Change size", "gauge", "tenants:resize", "tenant.operate"),
    ("Try a log line", "terminal", "tenants:logtest", "events.read"),
    ("Move agents", "arrow-right", "tenants:move-new", "agent.manage"),
)


def tenant_frame(
    request: HttpRequest,
    tenant: Tenant,
    permissions: frozenset[str],
    *,
    here: str,
    section: str,
    crumbs: Sequence[Link] = (),
) -> Frame:
    """
    The frame of one page of `tenant`.

    Args:
        permissions: what the asker may do in its organization.
        here, section, crumbs: as for `organizations.frame.frame_for`.
    """
    enrolled = ((tenant.edge_view or {}).get("agents") or {}).get("enrolled")
    links = [
        Link(
            label,
            reverse(route, args=[tenant.pk]),
            icon,
            current=section == key,
            count=enrolled if key == "agents" and enrolled else None,
        )
        for key, label, icon, route, permission in SECTIONS
        if permission in permissions
    ]
    own = [] if section == "overview" else [tenant_link(tenant)]
    return frame_for(
        request,
        tenant.organization,
        here=tenant.name if section == "overview" else here,
        crumbs=[*own, *crumbs],
        groups=[Group(tenant.name, links)],
        commands=[] if tenant.is_leaving else linked(COMMANDS, tenant.pk, permissions),
    )


def tenant_link(tenant: Tenant) -> Link:
    """The crumb that leads to a tenant's first page."""
    return Link(tenant.name, reverse("tenants:overview", args=[tenant.pk]))

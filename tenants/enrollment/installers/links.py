"""
The short link of a token, `/i/<id>`: how its machines are brought in, told to whoever has the link.

It holds no secret: the id is the public part of the token, and what is told is the edge's address, its authority and
the manager's version. A token that has ended has no link.
"""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from controlplane import rls
from tenants.enrollment.installers.files import Target
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.tokens.states import not_revoked
from tenants.provisioning.models import Cell, Tenant
from tenants.provisioning.specs import manager_version

Rows = list[dict[str, str]]


def target_of(token_id: str) -> Target | None:
    """Where machines with a token go, asked before anybody is known; None for a token that has ended, or was never."""
    now = timezone.now()
    rows = rls.call("installer_of_token", token_id, now, otherwise=lambda: _found(token_id))
    if not rows:
        return None
    return _target(token_id, Cell.objects.get(pk=rows[0]["cell"]), rows[0]["version"])


def target(token: EnrollmentToken) -> Target:
    """The same for who may see the token."""
    return _target(token.pk, token.tenant.cell, manager_version(token.tenant.spec))


def link_of(token_id: str) -> str:
    """The short link of a token."""
    return settings.BASE_URL + reverse("tenants:installer", args=[token_id])


def _target(token_id: str, cell: Cell, version: str) -> Target:
    return Target(link_of(token_id), cell.base_url.rstrip("/"), version, cell.agent_ca)


def _found(token_id: str) -> Rows:
    usable = EnrollmentToken.objects.filter(not_revoked(timezone.now()), pk=token_id, expires_at__gt=timezone.now())
    tenants = Tenant.objects.filter(tokens__in=usable).exclude(requested=Tenant.Requested.DELETED)
    return [{"cell": tenant.cell_id, "version": manager_version(tenant.spec)} for tenant in tenants]

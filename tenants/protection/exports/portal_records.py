"""What the portal knows of a tenant, page by page, each record as the API shows it: nothing that is hidden there."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet

from controlplane import rls
from controlplane.actor import Actor
from controlplane.audit_file import line_of
from controlplane.models import AuditEntry
from controlplane.problems import Forbidden
from controlplane.transactions import let_go
from organizations.members.serializers import MemberOut
from organizations.models import Membership
from organizations.standings import permissions_of
from tenants.agents.serializers import AgentOrderOut
from tenants.enrollment.models import TokenUse
from tenants.enrollment.tokens.serializers import TokenOut, UseOut
from tenants.protection.receipts.serializers import SignedReceiptOut
from tenants.protection.serializers import BackupOut
from tenants.provisioning.models import Tenant
from tenants.provisioning.operation_serializers import OperationOut
from tenants.provisioning.serializers import TenantOut

A_PAGE = 500


@dataclass(frozen=True)
class Records:
    """One folder: which rows, by what they are ordered, how one is written, and the permission that shows them."""

    folder: str
    rows: Callable[[Tenant], QuerySet[Any]]
    written: Callable[[Any], Any]
    permission: str = "tenant.view"
    key: str = "pk"


def _itself(tenant: Tenant) -> QuerySet[Tenant]:
    return Tenant.objects.filter(pk=tenant.pk)


def _uses(tenant: Tenant) -> QuerySet[TokenUse]:
    return TokenUse.objects.filter(token__tenant=tenant)


def _members(tenant: Tenant) -> QuerySet[Membership]:
    return Membership.objects.filter(organization_id=tenant.organization_id).select_related("user")


def _trail(tenant: Tenant) -> QuerySet[AuditEntry]:
    told_of = Q(target=tenant.pk) | Q(data__tenant=tenant.pk)
    return AuditEntry.objects.filter(told_of, organization_id=tenant.organization_id)


def _shown_by(serializer: type[Any]) -> Callable[[Any], Any]:
    return lambda row: serializer(row).data


FOLDERS = (
    Records("tenant", _itself, _shown_by(TenantOut)),
    Records("operations", lambda tenant: tenant.operations.all(), _shown_by(OperationOut)),
    Records("tokens", lambda tenant: tenant.tokens.all(), _shown_by(TokenOut), "token.view"),
    Records("token-uses", _uses, _shown_by(UseOut), "token.view"),
    Records("agent-orders", lambda tenant: tenant.agent_orders.all(), _shown_by(AgentOrderOut), "agent.view"),
    Records("backups", lambda tenant: tenant.backups.all(), _shown_by(BackupOut)),
    Records("receipts", lambda tenant: tenant.receipts.all(), _shown_by(SignedReceiptOut)),
    Records("members", _members, _shown_by(MemberOut), "member.view"),
    Records("trail", _trail, line_of, "audit.view", key="position"),
)


def pages(actor: Actor, tenant: Tenant, left_out: list[dict[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """
    Name and lines of each file.

    Args:
        left_out: is told what the asker's role does not show.
    Raises Forbidden once the asker may take the tenant's data away no more.
    """
    for records in FOLDERS:
        after, number = None, 0
        while (page := _page(actor, tenant, records, after)) is not None:
            lines, after = page
            if lines:
                number += 1
                yield f"{records.folder}/{number:06}.jsonl", lines
            # Whoever reads slowly must not hold one of the few connections meanwhile.
            let_go()
            if len(lines) < A_PAGE:
                break
        if page is None:
            left_out.append(
                {"what": f"portal/{records.folder}", "why": f"Your role does not show it ({records.permission})."}
            )


def _page(actor: Actor, tenant: Tenant, records: Records, after: Any) -> tuple[list[str], Any] | None:
    """The next lines and after what they end; None where the asker's role shows none."""
    with rls.reading_as(actor.rls_actor):
        permissions = permissions_of(actor, tenant.organization_id)
        if "tenant.delete" not in permissions:
            raise Forbidden("Your access ended while the export was downloaded.")
        if records.permission not in permissions:
            return None
        found = records.rows(tenant).order_by(records.key)
        rows = list((found if after is None else found.filter(**{f"{records.key}__gt": after}))[:A_PAGE])
        lines = [json.dumps(records.written(row), cls=DjangoJSONEncoder, ensure_ascii=False) for row in rows]
        return lines, getattr(rows[-1], records.key) if rows else after

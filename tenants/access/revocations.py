"""
Ends dashboards and event streams at the edge when what they stood on has ended.

1. `organizations` publishes that somebody's reach ended or shrank, with the organizations whose tenants it covered.
2. Each tenant gets a row, visible as pending, and a fact of its own, so that one edge that does not answer delays no
   other.
3. The edge is told until it acknowledges. It ends what was opened before; what is opened later is judged anew.

By themselves sessions end after 8 hours, also while this process is away.
"""

import datetime as dt

from django.utils import timezone

from controlplane import outbox
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.access.models import Revocation
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import TenantGone, UnknownAtEdge
from tenants.provisioning.models import Tenant

REVOKED = "tenants.access.revoked"

TERMS: dict[str, tuple[str, str]] = {
    "organizations.membership.ended": ("subject", "user"),
    "organizations.membership.blocked": ("subject", "user"),
    "organizations.membership.role_changed": ("subject", "user"),
    "organizations.membership.sign_in_demanded": ("subject", "user"),
    "organizations.grant.ended": ("grant", "grant"),
    "organizations.grant.limited": ("grant", "grant"),
    "organizations.connection.disabled": ("connection", "connection"),
    "organizations.entry.demanded": ("organization", "organization"),
    "organizations.grant.entry_demanded": ("grant", "grant"),
    "organizations.connection.second_factor_distrusted": ("connection", "connection"),
    "organizations.session.ended": ("session", "session"),
    "organizations.emergency_access.ended": ("subject", "user"),
    "organizations.work.ended": ("session", "session"),
    "organizations.api_key.revoked": ("session", "key"),
    # What was opened under the key lasts until its former end; opened anew, it lasts until the new one.
    "organizations.api_key.shortened": ("session", "key"),
}
"""Fact → by what the edge finds the sessions, and the part of the fact's payload that tells it."""


@outbox.subscriber(*TERMS)
def ask_for_revocations(message: Message) -> None:
    """Note for every tenant that a fact covers what has to end there."""
    term, known_as = TERMS[message.topic]
    terms = {term: message.payload[known_as]}
    for organization_id in message.payload["organizations"]:
        with acting_as(f"org:{organization_id}"):
            for tenant in Tenant.objects.filter(organization_id=organization_id, deleted_at=None, generation__gt=0):
                _ask(tenant, message, terms)


@outbox.subscriber(REVOKED, in_transaction=False)
def revoke_at_the_edge(message: Message) -> None:
    """Have the edge end what one revocation names."""
    actor = f"org:{message.organization_id}"
    with acting_as(actor):
        revocation = Revocation.objects.select_related("tenant__cell").get(pk=message.payload["revocation"])
    body = {
        "epoch": revocation.tenant.cell.epoch,
        "idempotency_key": revocation.pk,
        "before": revocation.before.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
        **revocation.terms,
    }
    try:
        closed = int(EdgeApi(revocation.tenant.cell).revoke_access(revocation.tenant_id, body)["closed"])
    except (TenantGone, UnknownAtEdge):
        closed = 0  # a tenant that is gone holds no session
    with acting_as(actor):
        Revocation.objects.filter(pk=revocation.pk).update(acknowledged_at=timezone.now(), closed=closed)


def _ask(tenant: Tenant, message: Message, terms: dict[str, str]) -> None:
    revocation, is_new = Revocation.objects.get_or_create(
        tenant=tenant,
        cause=message.pk,
        defaults={
            "organization_id": tenant.organization_id,
            "terms": terms,
            "before": dt.datetime.fromisoformat(message.payload["before"]),
        },
    )
    if is_new:
        payload = {"revocation": revocation.pk}
        outbox.publish(REVOKED, key=revocation.pk, organization_id=tenant.organization_id, payload=payload)

"""
Brings to the edge what people decided about tokens and agents, until the edge has acknowledged it.

Deliveries may come twice, late, and in any order. So each looks at the row as it is now, sends that, and looks again:
whatever changed while the call was under way is sent too.
"""

import datetime as dt

import structlog
from django.utils import timezone

from controlplane import outbox
from controlplane.models import Message
from controlplane.rls import acting_as
from tenants.enrollment.actions import QUARANTINE_ASKED
from tenants.enrollment.models import Agent, EnrollmentToken
from tenants.enrollment.tokens.actions import TOKEN_CHANGED, TOKEN_QUARANTINE_ASKED
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeRefused, TenantGone, UnknownAtEdge

log = structlog.get_logger(__name__)

NEVER_TAKEN = frozenset({"INVALID_REQUEST", "TOKEN_CONFLICT", "TENANT_DELETED"})
"""What the edge answers to a new token that it would refuse every time: its own fault, or its tenant is gone."""


@outbox.subscriber(TOKEN_CHANGED, in_transaction=False)
def bring_token_to_the_edge(message: Message) -> None:
    """
    Make a token known at the edge, or have it refused there.

    A revocation may overtake the token's first message, which then arrives at the edge after it: so the state is
    looked at again after each call, and sent again if it is another one by now.
    """
    actor = f"org:{message.organization_id}"
    token = _token(actor, message.payload["token"])
    while token.acknowledged_at is None and token.edge_error is None:
        error = _send(token)
        token = _acknowledge(actor, token, error)


@outbox.subscriber(QUARANTINE_ASKED, in_transaction=False)
def quarantine_agent_at_the_edge(message: Message) -> None:
    """Have the edge cut an agent off."""
    with acting_as(f"org:{message.organization_id}"):
        agent = Agent.objects.select_related("tenant__cell").filter(pk=message.payload["agent"]).first()
    if agent is None:
        return  # the edge no longer lists it, so that nothing is left to be cut off
    body = {"epoch": agent.tenant.cell.epoch, "idempotency_key": message.pk, "reason": agent.quarantine_reason}
    try:
        EdgeApi(agent.tenant.cell).quarantine(agent.tenant_id, agent.number, body)
    except (TenantGone, UnknownAtEdge) as error:
        log.info("agent_is_gone_already", agent=agent.pk, code=error.code)
    with acting_as(f"org:{message.organization_id}"):
        Agent.objects.filter(pk=agent.pk, quarantined_at__isnull=True).update(quarantined_at=timezone.now())


@outbox.subscriber(TOKEN_QUARANTINE_ASKED, in_transaction=False)
def quarantine_token_at_the_edge(message: Message) -> None:
    """
    Have the edge withdraw a token and cut off whom it let in.

    A token that was never brought there let nobody in; its own first message finds it revoked and has it refused.
    """
    actor = f"org:{message.organization_id}"
    token = _token(actor, message.payload["token"])
    body = {"epoch": token.tenant.cell.epoch, "idempotency_key": message.pk, "reason": message.payload["reason"]}
    try:
        EdgeApi(token.tenant.cell).quarantine_token(token.tenant_id, token.pk, body)
    except (TenantGone, UnknownAtEdge) as error:
        log.info("token_is_gone_already", token=token.pk, code=error.code)
    now = timezone.now()
    with acting_as(actor):
        EnrollmentToken.objects.filter(pk=token.pk, acknowledged_at__isnull=True).update(acknowledged_at=now)
        Agent.objects.filter(token=token, quarantined_at__isnull=True).update(quarantined_at=now)


def _token(actor: str, token_id: str) -> EnrollmentToken:
    with acting_as(actor):
        return EnrollmentToken.objects.select_related("tenant__cell").get(pk=token_id)


def _send(token: EnrollmentToken) -> EdgeRefused | None:
    """
    Tell the edge the token's state; the error where the edge will never take this token.

    Any other error is raised, so that the delivery is tried again: one of our clock, our keys or the cell passes, and
    a revocation that was given up would leave a token that still lets machines in.
    """
    try:
        (_revoke if token.revoked_at else _make)(token)
    except EdgeRefused as error:
        if token.state == "revoked" and isinstance(error, TenantGone | UnknownAtEdge):
            return None  # what the edge has forgotten, or never heard of, lets nobody in
        if token.revoked_at or error.code not in NEVER_TAKEN:
            raise
        return error
    return None


def _revoke(token: EnrollmentToken) -> None:
    """Name the moment of its end. A token that is still to work until then, and that the edge lacks, comes first."""
    body = {"epoch": token.tenant.cell.epoch, "at": _text(token.ends_at)}
    edge = EdgeApi(token.tenant.cell)
    try:
        edge.revoke_token(token.tenant_id, token.pk, body)
    except UnknownAtEdge:
        if token.state == "revoked":
            raise
        _make(token)
        edge.revoke_token(token.tenant_id, token.pk, body)


def _make(token: EnrollmentToken) -> None:
    EdgeApi(token.tenant.cell).put_token(token.tenant_id, token.pk, _body(token))


def _body(token: EnrollmentToken) -> dict[str, object]:
    return {
        "epoch": token.tenant.cell.epoch,
        "name": token.name,
        "secret_sha256": token.secret_sha256,
        "expires_at": _text(token.expires_at),
        "max_uses": token.max_uses,
        "groups": token.groups,
        "labels": token.agent_labels,
        "names": token.names,
        **({"wazuh5_key": token.wazuh5_key} if token.wazuh5_key else {}),
    }


def _text(moment: dt.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _acknowledge(actor: str, sent: EnrollmentToken, error: EdgeRefused | None) -> EnrollmentToken:
    """
    Note that the edge has the state that was sent, unless it is not the newest; the token as it is now.

    From here on nothing of its secret is needed here, whether the edge took the token or never will.
    """
    news = {"edge_error": error.as_json()} if error else {"acknowledged_at": timezone.now()}
    with acting_as(actor):
        EnrollmentToken.objects.filter(pk=sent.pk).update(wazuh5_key="")
        EnrollmentToken.objects.filter(pk=sent.pk, revoked_at=sent.revoked_at).update(**news)
    return _token(actor, sent.pk)

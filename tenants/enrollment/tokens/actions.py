"""Every change that people make to enrollment tokens."""

import datetime as dt
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils import timezone

from controlplane import audit, ids, outbox
from controlplane.actor import Actor
from organizations import access
from organizations.standings import Standing
from tenants.enrollment import limits
from tenants.enrollment.models import Agent, EnrollmentToken
from tenants.enrollment.problems import TenantIsGoing
from tenants.provisioning.models import Tenant

TOKEN_CHANGED = "tenants.token.changed"  # noqa: S105 - the name of a fact, no secret
TOKEN_QUARANTINE_ASKED = "tenants.token.quarantine_asked"  # noqa: S105 - likewise


@transaction.atomic
def create_token(
    *,
    by: Actor,
    tenant: Tenant,
    name: str,
    expires_in: dt.timedelta = limits.DEFAULT_LIFE,
    max_uses: int = limits.DEFAULT_USES,
    groups: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
) -> tuple[EnrollmentToken, str]:
    """
    Make an enrollment token. Its text is returned here and nowhere else, ever.

    It works once the edge has acknowledged it, which is tried at once and until it succeeds.

    Args:
        expires_in: more than nothing, a year at most.
        max_uses: how many agents may join with it.
        groups: Wazuh groups that its agents begin in.
        labels: short texts that its agents are labelled with, and their alerts with them.
    """
    standing = access.require(by, "token.create", tenant.organization_id)
    if tenant.requested == Tenant.Requested.DELETED:
        raise TenantIsGoing
    limits.check_token(name=name, expires_in=expires_in, max_uses=max_uses, groups=groups, labels=labels or {})
    token_id = ids.new_token_id()
    secret = ids.make_token("enr", tenant.pk, token_id)
    token = EnrollmentToken.objects.create(
        id=token_id,
        organization_id=tenant.organization_id,
        tenant=tenant,
        name=name,
        secret_sha256=ids.digest(secret),
        groups=list(groups),
        labels=dict(labels or {}),
        expires_at=timezone.now() + expires_in,
        max_uses=max_uses,
        created_by=by.user_id,
    )
    _tell(by, token, "tenants.token.create", standing, {"max_uses": max_uses, "expires_at": _text(token.expires_at)})
    return token, secret


@transaction.atomic
def revoke_token(*, by: Actor, token: EnrollmentToken) -> EnrollmentToken:
    """Have the edge refuse a token from now on; agents that joined with it stay. Doing it twice changes nothing."""
    standing = access.require(by, "token.revoke", token.organization_id)
    news = {"revoked_at": timezone.now(), "acknowledged_at": None, "edge_error": None}
    if EnrollmentToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(**news):
        token.refresh_from_db()
        _tell(by, token, "tenants.token.revoke", standing, {})
    return token


@transaction.atomic
def quarantine_token(*, by: Actor, token: EnrollmentToken, reason: str) -> EnrollmentToken:
    """
    Have the edge refuse a leaked token, and cut off every agent that it let in, those not heard of here among them.

    There is no way back. Doing it twice changes nothing.
    """
    standing = access.require(by, "agent.quarantine", token.organization_id)
    access.require(by, "token.revoke", token.organization_id)
    limits.check_reason(reason)
    now = timezone.now()
    news = {"revoked_at": now, "acknowledged_at": None, "edge_error": None}
    newly_revoked = EnrollmentToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(**news)
    asked = Agent.objects.filter(token=token, quarantine_asked_at__isnull=True)
    agents = asked.update(quarantine_asked_at=now, quarantine_reason=reason)
    if newly_revoked or agents:
        facts = {"tenant": token.tenant_id, "name": token.name, "agents": agents, "reason": reason}
        audit.record(
            by=by,
            action="tenants.token.quarantine",
            organization_id=token.organization_id,
            target=token.pk,
            data=facts,
            grant_id=standing.grant_id,
        )
    outbox.publish(
        TOKEN_QUARANTINE_ASKED,
        key=token.pk,
        organization_id=token.organization_id,
        payload={"token": token.pk, "reason": reason},
    )
    token.refresh_from_db()
    return token


def _tell(by: Actor, token: EnrollmentToken, action: str, standing: Standing, data: Mapping[str, str | int]) -> None:
    """Audit a change of a token, and have it brought to the edge."""
    audit.record(
        by=by,
        action=action,
        organization_id=token.organization_id,
        target=token.pk,
        data={"tenant": token.tenant_id, "name": token.name, **data},
        grant_id=standing.grant_id,
    )
    key = f"{token.pk}:{'revoked' if token.revoked_at else 'created'}"
    outbox.publish(TOKEN_CHANGED, key=key, organization_id=token.organization_id, payload={"token": token.pk})


def _text(moment: dt.datetime) -> str:
    return moment.isoformat()

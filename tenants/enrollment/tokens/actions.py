"""Every change that people make to enrollment tokens."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from controlplane import audit, ids, outbox
from controlplane.actor import Actor
from organizations import access
from organizations.standings import Standing
from tenants.enrollment import limits
from tenants.enrollment.models import Agent, EnrollmentToken
from tenants.enrollment.problems import TenantIsGoing, TokenHasEnded
from tenants.enrollment.tokens import native, states
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
    site: str = "",
    names: Sequence[str] = (),
) -> tuple[EnrollmentToken, str]:
    """
    Make an enrollment token. Its text is returned here and nowhere else, ever.

    It works once the edge has acknowledged it, which is tried at once and until it succeeds.

    Args:
        expires_in: more than nothing, a year at most.
        max_uses: how many agents may join with it.
        groups: Wazuh groups that its agents begin in.
        labels: short texts that its agents are labelled with, and their alerts with them.
        site: where its agents are; they carry it as the label `site`.
        names: the only agents that may join with it; none for whoever has the token.
    """
    standing = access.require(by, "token.create", tenant.organization_id)
    labels = dict(labels or {})
    limits.check_token(name=name, expires_in=expires_in, max_uses=max_uses, groups=groups, labels=labels, site=site)
    wanted = {"name": name, "max_uses": max_uses, "groups": list(groups), "labels": labels, "site": site}
    wanted["names"] = list(names)
    return _make(by, standing, tenant, expires_in, wanted)


@transaction.atomic
def rotate_token(
    *, by: Actor, token: EnrollmentToken, overlap: dt.timedelta = limits.DEFAULT_OVERLAP
) -> tuple[EnrollmentToken, str]:
    """
    Make a token with the same settings and the same length of life, and end this one after an overlap.

    The edge ends the old one by itself, whether or not it hears of us then. Returns the new one and its text.

    Args: overlap: how long both work, nothing to 30 days.
    Raises TokenHasEnded for one that has ended, or is to end already.
    """
    access.require(by, "token.revoke", token.organization_id)
    standing = access.require(by, "token.create", token.organization_id)
    limits.check_overlap(overlap)
    now = timezone.now()
    ends = {"revoked_at": now + overlap, "acknowledged_at": None, "edge_error": None}
    if not EnrollmentToken.objects.filter(pk=token.pk, revoked_at=None, expires_at__gt=now).update(**ends):
        raise TokenHasEnded
    settings = {name: getattr(token, name) for name in ("name", "max_uses", "groups", "labels", "site", "names")}
    life = token.expires_at - token.created_at
    made, secret = _make(by, standing, token.tenant, life, {**settings, "replaces": token})
    token.refresh_from_db()
    _tell(by, token, "tenants.token.rotate", standing, {"replaced_by": made.pk, "ends_at": token.ends_at.isoformat()})
    return made, secret


@transaction.atomic
def rename_token(*, by: Actor, token: EnrollmentToken, name: str) -> EnrollmentToken:
    """Call a token something else. What it lets in stays as it is, so that the edge need not know."""
    standing = access.require(by, "token.create", token.organization_id)
    limits.check_text("name", name, limits.LONGEST_NAME)
    before = EnrollmentToken.objects.values_list("name", flat=True).get(pk=token.pk)
    if EnrollmentToken.objects.filter(pk=token.pk).exclude(name=name).update(name=name):
        token.refresh_from_db()
        _audit(by, token, "tenants.token.rename", standing, {"before": before})
    return token


@transaction.atomic
def revoke_token(*, by: Actor, token: EnrollmentToken) -> EnrollmentToken:
    """Have the edge refuse a token from now on; agents that joined with it stay. Doing it twice changes nothing."""
    standing = access.require(by, "token.revoke", token.organization_id)
    if _end_now(token):
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
    newly_revoked = _end_now(token)
    asked = Agent.objects.filter(token=token, quarantine_asked_at__isnull=True)
    agents = asked.update(quarantine_asked_at=timezone.now(), quarantine_reason=reason)
    if newly_revoked or agents:
        _audit(by, token, "tenants.token.quarantine", standing, {"agents": agents, "reason": reason})
    outbox.publish(
        TOKEN_QUARANTINE_ASKED,
        key=token.pk,
        organization_id=token.organization_id,
        payload={"token": token.pk, "reason": reason},
    )
    token.refresh_from_db()
    return token


def _make(
    by: Actor, standing: Standing, tenant: Tenant, life: dt.timedelta, wanted: Mapping[str, Any]
) -> tuple[EnrollmentToken, str]:
    if tenant.is_leaving:
        raise TenantIsGoing
    token_id = ids.new_token_id()
    secret = ids.make_token("enr", tenant.pk, token_id)
    token = EnrollmentToken.objects.create(
        id=token_id,
        organization_id=tenant.organization_id,
        tenant=tenant,
        secret_sha256=ids.digest(secret),
        wazuh5_key=native.key_of(secret) if native.is_served(tenant) else "",
        expires_at=timezone.now() + life,
        created_by=by.user_id,
        **wanted,
    )
    told: dict[str, str | int] = {"max_uses": token.max_uses, "expires_at": token.expires_at.isoformat()}
    told["replaces"] = token.replaces_id or ""
    _tell(by, token, "tenants.token.create", standing, told)
    return token, secret


def _end_now(token: EnrollmentToken) -> int:
    """End a token that has not ended yet, one that is to end later among them; how many did."""
    now = timezone.now()
    news = {"revoked_at": now, "acknowledged_at": None, "edge_error": None}
    return EnrollmentToken.objects.filter(states.not_revoked(now), pk=token.pk).update(**news)


def _tell(by: Actor, token: EnrollmentToken, action: str, standing: Standing, data: Mapping[str, str | int]) -> None:
    """Audit a change of a token, and have it brought to the edge."""
    _audit(by, token, action, standing, data)
    key = f"{token.pk}:{token.revoked_at.isoformat() if token.revoked_at else 'created'}"
    outbox.publish(TOKEN_CHANGED, key=key, organization_id=token.organization_id, payload={"token": token.pk})


def _audit(by: Actor, token: EnrollmentToken, action: str, standing: Standing, data: Mapping[str, str | int]) -> None:
    audit.record(
        by=by,
        action=action,
        organization_id=token.organization_id,
        target=token.pk,
        data={"tenant": token.tenant_id, "name": token.name, **data},
        grant_id=standing.grant_id,
    )

"""Making and ending suppressions: what is counted and not shown, until a day that somebody named."""

import datetime as dt

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, Forbidden, Invalid
from fleet.alerts.models import Alert, AlertEntry, Suppression
from fleet.alerts.suppressing import hide_anew, reach_of
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from organizations.standings import limits_of, proven_roles
from tenants.provisioning.models import Tenant

LONGEST = dt.timedelta(days=366)
LONGEST_REASON = 500


@transaction.atomic
def suppress(
    *,
    by: Actor,
    organization: Organization,
    rule_id: str,
    reason: str,
    ends_at: dt.datetime,
    tenant: Tenant | None = None,
    agent_id: str = "",
) -> Suppression:
    """
    Have alerts of a rule counted and not shown, of which some may stand already.

    Args:
        organization: where it holds; of an MSP, in its clients too.
        tenant: of the organization, to narrow it to that one; agent_id: likewise to one agent of that.
        ends_at: when they are shown again, within a year.

    Raises Invalid, Forbidden; Forbidden too for what holds in all clients to whoever is limited to some.
    """
    standing = access.require(access.working_in(by, organization.pk), "alert.handle", organization)
    if tenant is None:
        require_whole_reach(by, organization)
    _demand(organization, rule_id, reason, ends_at, tenant, agent_id)
    made = Suppression.objects.create(
        organization=organization,
        tenant=tenant,
        rule_id=rule_id,
        agent_id=agent_id,
        reason=reason.strip(),
        ends_at=ends_at,
        created_by=by.user_id,
    )
    _hide(by, made)
    trail.record(by, standing, "fleet.suppression.create", made.pk, **_told(made))
    return made


@transaction.atomic
def end(*, by: Actor, suppression: Suppression) -> Suppression:
    """
    Have what it hides shown again now, unless another hides it too. Raises Conflict where it is over, Forbidden.

    Whoever may not make it for all clients may not end it for them either.
    """
    held = Suppression.objects.select_for_update(of=("self",)).select_related("organization").get(pk=suppression.pk)
    standing = access.require(access.working_in(by, held.organization_id), "alert.handle", held.organization)
    if held.tenant_id is None:
        require_whole_reach(by, held.organization)
    if not held.is_in_force:
        raise Conflict("It has ended already. Nothing was changed.", code="SUPPRESSION_ENDED")
    held.ended_at, held.ended_by = timezone.now(), by.user_id
    held.save(update_fields=["ended_at", "ended_by"])
    hide_anew(_locked(Q(suppressed_by=held.pk)))
    trail.record(by, standing, "fleet.suppression.end", held.pk, **_told(held))
    return held


def require_whole_reach(by: Actor, organization: Organization) -> None:
    """
    Refuse what holds everywhere to whoever looks after some clients, or holds a key to some tenants.

    The attack: they hide alerts of all the others, or show what is hidden there.
    """
    if by.tenant_ids is not None:
        raise Forbidden("This API key is limited to some tenants, and this holds in all. Nothing was changed.")
    if organization.is_msp and organization.pk in limits_of(by, proven_roles(by)):
        raise Forbidden("This holds in all clients, and you look after some: do it for those. Nothing was changed.")


def _demand(
    organization: Organization, rule_id: str, reason: str, ends_at: dt.datetime, tenant: Tenant | None, agent_id: str
) -> None:
    now = timezone.now()
    if not rule_id:
        raise Invalid("Name the rule whose alerts are not to be shown. Nothing was saved.", field="rule")
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise Invalid(f"Say why, in at most {LONGEST_REASON} characters. Nothing was saved.", field="reason")
    if not now < ends_at <= now + LONGEST:
        raise Invalid("A suppression ends: name a time that is to come, within a year.", field="ends_at")
    if tenant is not None and tenant.organization_id != organization.pk:
        raise Invalid("This tenant belongs to another organization. Nothing was saved.", field="tenant")
    if agent_id and tenant is None:
        raise Invalid("Agents are numbered by tenant: name the tenant too. Nothing was saved.", field="tenant")


def _hide(by: Actor, made: Suppression) -> None:
    """A new one hides what nothing hides for longer, and shows nothing: a few statements, however many clients."""
    shorter = Alert.objects.filter(reach_of(made), state__in=Alert.TO_DO).exclude(suppressed_until__gte=made.ends_at)
    held = shorter.select_for_update(of=("self",)).order_by("pk")
    ids = dict(held.values_list("pk", "organization_id"))
    Alert.objects.filter(pk__in=list(ids)).update(suppressed_by=made.pk, suppressed_until=made.ends_at)
    AlertEntry.objects.bulk_create(
        AlertEntry(alert_id=pk, organization_id=whose, what="suppress", by=by.user_id, text=made.reason)
        for pk, whose in ids.items()
    )


def _locked(which: Q) -> list[Alert]:
    return list(Alert.objects.filter(which).select_for_update(of=("self",)).order_by("pk"))


def _told(suppression: Suppression) -> dict[str, str]:
    told = {
        "rule": suppression.rule_id,
        "tenant_id": suppression.tenant_id or "",
        "agent": suppression.agent_id,
        "reason": suppression.reason,
        "ends_at": suppression.ends_at.isoformat(timespec="seconds"),
    }
    return {name: value for name, value in told.items() if value}

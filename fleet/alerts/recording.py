"""Writes groups of alerts into rows: a few statements for a group, however many alerts it stands for."""

from collections.abc import Collection, Sequence
from itertools import batched

from fleet.alerts import facts
from fleet.alerts.grouping import RECENT, Group
from fleet.alerts.models import Alert
from fleet.alerts.severity import severity_of
from fleet.alerts.suppressing import Hiding, hidden_by, in_force
from tenants.provisioning.models import Tenant

AT_ONCE = 500
COUNTED = (
    *("severity", "level", "title", "groups", "techniques", "tactics", "agent_name", "last_seq", "recent", "last_at"),
    *("count", "suppressed_by", "suppressed_until"),
)


def record(tenant: Tenant, groups: Collection[Group]) -> None:
    """Part of a transaction under the tenant's lock: count groups into alerts that are not closed, or raise others."""
    hidings = in_force(tenant.organization_id) if groups else []
    for some in batched(groups, AT_ONCE):
        _record(tenant, some, hidings)


def _record(tenant: Tenant, groups: Sequence[Group], hidings: Sequence[Hiding]) -> None:
    standing = Alert.objects.select_for_update().filter(tenant=tenant, kind=Alert.Kind.RULE)
    known = {
        alert.key: alert for alert in standing.filter(key__in=[each.key for each in groups], state__in=Alert.TO_DO)
    }
    new, old, graver = [], [], []
    for group in groups:
        alert = known.get(group.key)
        if alert is None:
            new.append(alert := _raised(tenant, group))
        else:
            before = alert.severity
            _count(alert, group)
            old.append(alert)
            graver += [alert] if alert.severity != before else []
        _hide(alert, hidings)
    Alert.objects.bulk_create(new)
    Alert.objects.bulk_update(old, COUNTED)
    facts.tell(facts.RAISED, [*new, *graver])


def _raised(tenant: Tenant, group: Group) -> Alert:
    return Alert(
        organization_id=tenant.organization_id,
        tenant=tenant,
        kind=Alert.Kind.RULE,
        key=group.key,
        severity=severity_of(group.level),
        rule_id=group.rule_id,
        agent_id=group.agent_id,
        first_seq=group.first_seq,
        first_at=group.first_at,
        **_of_newest(group),
        level=group.level,
        recent=group.recent,
        count=group.count,
    )


def _count(alert: Alert, group: Group) -> None:
    alert.count += group.count
    alert.level = max(alert.level, group.level)
    alert.severity = severity_of(alert.level)
    alert.recent = [*alert.recent, *group.recent][-RECENT:]
    for name, value in _of_newest(group).items():
        setattr(alert, name, value)


def _of_newest(group: Group) -> dict[str, object]:
    names = ("title", "groups", "techniques", "tactics", "agent_name", "last_seq", "last_at")
    return {name: getattr(group, name) for name in names}


def _hide(alert: Alert, hidings: Sequence[Hiding]) -> None:
    hiding = hidden_by(hidings, alert.kind, alert.rule_id, alert.agent_id, alert.tenant_id)
    if hiding is not None:
        alert.suppressed_by, alert.suppressed_until = hiding.id, hiding.ends_at

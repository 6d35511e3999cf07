"""Writes groups of alerts into rows: a few statements for a group, however many alerts it stands for."""

from collections.abc import Collection, Mapping, Sequence
from itertools import batched

from fleet.alerts import facts
from fleet.alerts.grouping import RECENT, Group
from fleet.alerts.models import Alert
from fleet.alerts.severity import severity_of
from fleet.alerts.suppressing import HIDDEN, Hiding, hide, in_force
from tenants.provisioning.models import Tenant

AT_ONCE = 500
COUNTED = (
    *("severity", "level", "title", "groups", "techniques", "tactics", "agent_name", "last_seq", "recent", "last_at"),
    *("count", *HIDDEN),
)


def record(tenant: Tenant, groups: Collection[Group]) -> None:
    """Part of a transaction under the tenant's lock: count groups into alerts that are not closed, or raise others."""
    hidings = in_force(tenant.organization_id) if groups else []
    to_do = Alert.objects.filter(tenant=tenant, kind=Alert.Kind.RULE, state__in=Alert.TO_DO)
    same = to_do.filter(key__in=[each.key for each in groups])
    # All at once, in the order in which everybody locks them, so that no two wait for each other.
    known = {alert.key: alert for alert in same.select_for_update(of=("self",)).order_by("pk")}
    for some in batched(groups, AT_ONCE):
        _record(tenant, some, known, hidings)


def _record(tenant: Tenant, groups: Sequence[Group], known: Mapping[str, Alert], hidings: Sequence[Hiding]) -> None:
    new, old, graver = [], [], []
    for group in groups:
        alert = known.get(group.key)
        if alert is None:
            new.append(_raised(tenant, group))
        else:
            before = alert.severity
            _count(alert, group)
            old.append(alert)
            graver += [alert] if alert.severity != before else []
    shown = hide([*new, *old], hidings)
    Alert.objects.bulk_create(new)
    Alert.objects.bulk_update(old, COUNTED)
    facts.tell(facts.RAISED, [*new, *graver, *(alert for alert in shown if alert not in graver)])


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

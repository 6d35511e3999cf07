"""
What a template can ask for, as data: how it is judged, told, read of a tenant, and brought to it.

Everything is brought by the action that people have for it, with its own checks, permission and entry in the trail.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from billing.entitlements import entitlement_of
from billing.models import Plan
from billing.queries import plans_on_offer
from controlplane.actor import Actor
from controlplane.problems import FieldError, Forbidden, Invalid, Problem
from fleet.client_templates import checks
from fleet.client_templates.content import bring_left_out, still_in_use, why_not
from organizations.models import Grant
from organizations.permissions import Role
from organizations.standings import current, may
from tenants.content import reading
from tenants.protection.backups.schedule import set_schedule
from tenants.protection.deletion.actions import set_protection
from tenants.protection.maintenance.rings import set_ring
from tenants.protection.maintenance.sleeping import set_sleep_policy
from tenants.protection.maintenance.window import set_window
from tenants.provisioning import backup_schedules, versions
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow
from tenants.provisioning.windows import Window


@dataclass(frozen=True)
class Place:
    """
    A client's tenant, and the MSP whose template is held against it.

    `files`: the stamp of the MSP's files as they were looked at, see `reading.stamp_of`; None where nobody tried any.
    """

    tenant: Tenant
    msp_id: str
    files: str | None = None

    def changed(self) -> bool:
        """Whether the files are others than those that were looked at."""
        return self.files is not None and reading.stamp_of(self.msp_id) != self.files


@dataclass(frozen=True)
class Setting:
    """
    One thing that a template can ask for.

    `check` answers the value as rows keep it, or raises Invalid. `read` answers what a tenant has, given what is
    wanted; without it there is nothing to hold a wish against. `bring` has the tenant get it (by whom, where, what,
    when): it answers the operation, or None where that is done at once; without it no roll-out touches it, and `note`
    says why. `why_not` is what keeps somebody from that, but for what is under way. `restarts`: it takes an operation
    of the tenant that may wait for its window.
    """

    label: str
    check: Callable[[Any], Any]
    words: Callable[[Any], str]
    read: Callable[[Place, Any], Any] | None = None
    bring: Callable[[Actor, Place, Any, str], Operation | None] | None = None
    why_not: Callable[[Actor, Place, Any], Problem | None] = lambda *_: None
    restarts: bool = False
    note: str = ""

    def told(self, value: Any) -> str:
        """A value in words; None leaves it open."""
        return "Left open" if value is None else self.words(value)


def _plan(place: Place, _: Any) -> str:
    """With other sizes than its plan's a tenant is not what the plan says."""
    plan = entitlement_of(place.tenant.organization_id).plan
    fits = versions.planned_roles(place.tenant, plan) == place.tenant.spec["roles"]
    return plan.code if fits else f"{plan.code}, with other sizes"


def why_not_plan(by: Actor, organization_id: str, code: str) -> Problem | None:
    """What keeps somebody from having an organization be on a plan; None where nothing does."""
    if not plans_on_offer().filter(pk=code).exists():
        return Invalid(f"The plan {code} is not on offer any more.", field="plan")
    if entitlement_of(organization_id).plan.pk != code and not may(by, "billing.manage", organization_id):
        return Forbidden("Your access to this client does not include “billing.manage”, which another plan takes.")
    return None


def _why_no_sizes(by: Actor, place: Place, code: str) -> Problem | None:
    if problem := why_not_plan(by, place.tenant.organization_id, code):
        return problem
    why = versions.why_no_resize(place.tenant, Plan.objects.get(pk=code))
    return NotPossibleNow(why) if why else None


def _resize(by: Actor, place: Place, code: str, when: str) -> Operation:
    return versions.resize(by=by, tenant=place.tenant, plan=code, when=when)


def _plan_words(code: str) -> str:
    plan = Plan.objects.filter(pk=code).first()
    return plan.name if plan else code


def _upgrade(by: Actor, place: Place, version: str, when: str) -> Operation:
    return versions.upgrade(by=by, tenant=place.tenant, version=version, when=when)


def _set_ring(by: Actor, place: Place, ring: str, _: str) -> None:
    set_ring(by=by, tenant=place.tenant, ring=ring)


def _set_window(by: Actor, place: Place, window: Any, _: str) -> None:
    set_window(by=by, tenant=place.tenant, window=window)


def _set_sleep(by: Actor, place: Place, minutes: int, _: str) -> None:
    set_sleep_policy(by=by, tenant=place.tenant, after_minutes=minutes or None)


def _set_backups(by: Actor, place: Place, schedule: Any, _: str) -> None:
    set_schedule(by=by, tenant=place.tenant, schedule=schedule)


def _protect(by: Actor, place: Place, _: bool, __: str) -> None:
    set_protection(by=by, tenant=place.tenant, protected=True)


def _why_no_protection(by: Actor, place: Place, _: bool) -> Problem | None:
    if may(by, "tenant.delete", place.tenant.organization_id):
        return None
    return Forbidden("Your access to this client does not include “tenant.delete”, which protection takes.")


def _bring_content(by: Actor, place: Place, names: list[str], when: str) -> Operation | None:
    return bring_left_out(by, place.tenant, names, when, changed=place.changed)


def _ceiling(place: Place, _: Any) -> str:
    held = Grant.objects.filter(current(), msp_id=place.msp_id, client_id=place.tenant.organization_id).first()
    return held.role_ceiling if held else "none"


def _sleep_words(minutes: int) -> str:
    if not minutes:
        return "Never"
    unit, size = next((u, s) for u, s in (("d", 1440), ("h", 60), ("min", 1)) if minutes % s == 0)
    return f"After {minutes // size} {unit}"


def _token_words(token: Mapping[str, Any]) -> str:
    groups = f", groups {', '.join(token['groups'])}" if token["groups"] else ""
    labels = "".join(f", {name} {text}" for name, text in sorted(token["labels"].items()))
    return f"{token['expires_in_days']} days, {token['max_uses']} uses{groups}{labels}"


MADE = "It is chosen when a tenant is made; no roll-out changes it."

SETTINGS: Mapping[str, Setting] = {
    "ring": Setting(
        "Ring",
        checks.ring,
        lambda ring: str(dict(Tenant.Ring.choices).get(ring, ring)),
        lambda place, _: place.tenant.ring,
        _set_ring,
    ),
    "maintenance_window": Setting(
        "Maintenance window",
        checks.window,
        lambda window: Window.read(window).words,
        lambda place, _: place.tenant.maintenance_window,
        _set_window,
    ),
    "protected": Setting(
        "Deletion protection",
        checks.protected,
        lambda on: "On" if on else "Off",
        lambda place, _: place.tenant.protected,
        _protect,
        _why_no_protection,
    ),
    "sleep_after_minutes": Setting(
        "Sleep when nobody uses it",
        checks.sleep,
        _sleep_words,
        lambda place, _: place.tenant.sleep_after_minutes or 0,
        _set_sleep,
    ),
    "backups": Setting(
        "Backups",
        checks.backups,
        lambda schedule: backup_schedules.words(schedule).capitalize(),
        lambda place, _: place.tenant.backup_schedule,
        _set_backups,
    ),
    "version": Setting(
        "Version of Wazuh",
        checks.version,
        str,
        lambda place, _: place.tenant.spec["version"],
        _upgrade,
        lambda _, place, version: versions.why_not(place.tenant, version),
        restarts=True,
    ),
    "plan": Setting("Plan and sizes", checks.plan, _plan_words, _plan, _resize, _why_no_sizes, restarts=True),
    "content_left_out": Setting(
        "Content of yours left out",
        checks.left_out,
        lambda names: ", ".join(names) or "None",
        lambda place, names: sorted(set(names) - still_in_use(place.tenant)),
        _bring_content,
        lambda _, place, names: why_not(place.tenant, names),
        restarts=True,
    ),
    "retention_days": Setting(
        "Days that can be searched",
        checks.days,
        lambda days: f"{days} days",
        lambda place, _: place.tenant.spec["retention_days"],
        note=MADE,
    ),
    "archive_days": Setting(
        "Days in the archive",
        checks.days,
        lambda days: f"{days} days",
        lambda place, _: place.tenant.spec["archive_days"],
        note=MADE,
    ),
    "role_ceiling": Setting(
        "Your people's access at most",
        checks.ceiling,
        lambda role: str(dict(Role.choices).get(role, role)),
        _ceiling,
        note="The client alone widens it; you narrow it under “Access to clients”.",
    ),
    "enrollment_token": Setting(
        "First enrollment token",
        checks.token,
        _token_words,
        note="A new client's first token is made so; tokens that exist stay.",
    ),
}
"""In the order in which they are brought: what is done at once first, so that what takes a window finds it set."""


def checked(settings: Mapping[str, Any], kept: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """
    Settings as rows keep them. Raises Invalid naming every fault, under `settings`.

    Args: kept: what stood there before. What stays as it was is not judged anew: a plan or a version that is no longer
    on offer stays what is asked for until somebody chooses otherwise.
    """
    found: dict[str, Any] = {}
    faults: list[FieldError] = []
    for key, value in settings.items():
        if key not in SETTINGS:
            faults.append(FieldError(f"settings.{key[:64]}", "There is no such setting."))
            continue
        try:
            if key in kept and kept[key] == value:
                found[key] = kept[key]
            else:
                found[key] = None if value is None else SETTINGS[key].check(value)
        except Invalid as problem:
            faults += [_within(key, fault) for fault in problem.errors or (FieldError(key, problem.detail),)]
    if faults:
        raise Invalid(faults[0].message, errors=faults)
    return found


def _within(key: str, fault: FieldError) -> FieldError:
    """The fault under the setting's own name, whatever the room that judged calls the field."""
    part = fault.field.removeprefix(key).removeprefix(".")
    return FieldError(f"settings.{key}.{part}" if part else f"settings.{key}", fault.message, fault.code)

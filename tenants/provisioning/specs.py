"""Builds the spec of a new tenant: what its organization pays for, with what was chosen within that."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from billing import disk
from billing.entitlements import Entitlement
from controlplane.problems import FieldError, Invalid
from tenants.provisioning import backup_schedules
from tenants.provisioning.models import Cell
from tenants.provisioning.problems import InvalidPlan, PlanTooLarge

LONGEST_NAME = 80
CERTIFICATE_DAYS, MOST_CERTIFICATE_DAYS = 365, 3650
LEAST_SLEEP, MOST_SLEEP = 15, 10_080
"""Minutes without use after which a tenant may sleep."""
MOST_RETENTION_DAYS, MOST_AGENTS = 3650, 100_000
KEPT_DAYS = 30

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}\Z")

Bounds = tuple[int, int]

# What the edge takes, as `contracts/edge-api.json` has it: tests/contract compares them.
INDEXER: Mapping[str, Bounds] = {"shards": (1, 5), "replicas": (0, 2), "refresh_interval_s": (1, 300)}
THRESHOLDS: Mapping[str, Bounds] = {
    "silent_agents_percent": (0, 100),
    "agent_silence_minutes": (1, 10_080),
    "manager_silence_minutes": (3, 1440),
    "ingest_lag_seconds": (30, 86_400),
    "disk_warning_percent": (50, 94),
}
GROUPS: Mapping[str, Mapping[str, Bounds]] = {"indexer": INDEXER, "thresholds": THRESHOLDS}


class Wishes(TypedDict, total=False):
    """
    What may be chosen of a new tenant; what is left out, or None, follows the organization's plan.

    `version` is the cell's newest without a wish. `certificate_days` is how long the node certificates live,
    `retention_days` how many days of alerts can be searched (without a wish, as many as the indexer's disk holds for
    `max_agents`) and `archive_days` how long they lie in the archive. `images` gives single roles a version of their
    own; `indexer` and `thresholds` have the settings named in `GROUPS`. After `sleep_after_minutes` without use the
    tenant sleeps; without a wish, never. With `raw_enrollment` machines may enroll by Wazuh's own protocol as well.
    `backups` is a schedule of backups (see `backup_schedules`), else one a day.
    """

    version: str | None
    certificate_days: int | None
    retention_days: int | None
    archive_days: int | None
    max_agents: int | None
    images: Mapping[str, str] | None
    indexer: Mapping[str, int] | None
    thresholds: Mapping[str, int] | None
    sleep_after_minutes: int | None
    raw_enrollment: bool | None
    backups: Mapping[str, Any] | None


KEPT_WISHES = (
    *("version", "certificate_days", "retention_days", "archive_days", "max_agents", "raw_enrollment"),
    *("backups", *GROUPS),
)


def wishes_of(spec: Mapping[str, Any]) -> Wishes:
    """What was chosen for a tenant, so that another can have the same; sizes follow the organization's plan."""
    images = {role: given["image"] for role, given in spec["roles"].items() if "image" in given}
    sleep = (spec.get("sleep") or {}).get("after_minutes")
    kept: Any = {name: spec[name] for name in KEPT_WISHES if name in spec}
    return {**kept, "images": images, "sleep_after_minutes": sleep}


def check_name(name: str) -> str:
    """A tenant's name without spaces around it. Raises Invalid for one that could not be read on a page."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
    return name


def check_plan(code: str, entitlement: Entitlement) -> None:
    """Raise InvalidPlan where another plan is named than the organization's own."""
    if code != entitlement.plan.code:
        detail = f"This organization is on the plan {entitlement.plan.code}. Nothing was created."
        raise InvalidPlan(FieldError("plan", detail))


def manager_version(spec: Mapping[str, Any]) -> str:
    """The version that a tenant's manager is to run: agents may not be newer."""
    return str((spec.get("images") or {}).get("manager") or spec["version"])


def series_of(version: str) -> tuple[int, ...]:
    """Major and minor version, within which data formats stay: a newer one reads older data, not the reverse."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])


def check(wishes: Wishes, entitlement: Entitlement) -> None:
    """
    Whether all that is wished for can be had under the entitlement; which versions are on offer is the cells' to say.

    Raises InvalidPlan naming every fault, PlanTooLarge with the arithmetic where the whole does not fit the disk.
    """
    faults = [
        *_version_faults(wishes),
        *_number_faults(wishes, entitlement),
        *_group_faults(wishes),
        *_copy_faults(wishes, entitlement),
        *_backup_faults(wishes, entitlement),
    ]
    if faults:
        raise InvalidPlan(*faults)
    _check_size(wishes, entitlement.plan.roles["indexer"], _numbers(wishes, entitlement))


def check_fit(spec: Mapping[str, Any], roles: Mapping[str, Any]) -> None:
    """Whether what a tenant keeps fits nodes of other sizes. Raises PlanTooLarge with the arithmetic."""
    wishes = wishes_of(spec)
    _check_size(wishes, roles["indexer"], {name: spec[name] for name in ("retention_days", "max_agents")})


def _check_size(wishes: Wishes, indexer: Mapping[str, Any], numbers: Mapping[str, int]) -> None:
    settings, days = wishes.get("indexer") or {}, numbers["retention_days"]
    replicas = settings.get("replicas")
    too_large = disk.needed(indexer, agents=numbers["max_agents"], days=days, replicas=replicas).fault
    if too_large:
        raise PlanTooLarge("retention_days" if wishes.get("retention_days") else "max_agents", too_large)
    too_many = disk.shard_fault(indexer, days=days, shards=settings.get("shards", 1), replicas=replicas)
    if too_many:
        raise PlanTooLarge("indexer.shards", too_many)


def _copy_faults(wishes: Wishes, entitlement: Entitlement) -> Iterator[FieldError]:
    """A copy needs a node of its own, and of several nodes each may be replaced by an empty one."""
    replicas, nodes = (wishes.get("indexer") or {}).get("replicas"), entitlement.plan.roles["indexer"]["count"]
    if isinstance(replicas, int) and replicas >= nodes:
        yield FieldError("indexer.replicas", f"Each copy needs an indexer node of its own; the plan has {nodes}.")
    elif replicas == 0 and nodes > 1:
        yield FieldError("indexer.replicas", "Several indexer nodes need at least one copy.")


def _backup_faults(wishes: Wishes, entitlement: Entitlement) -> Iterator[FieldError]:
    if wishes.get("backups"):
        schedule = backup_schedules.in_spec(wishes["backups"] or {})
        yield from backup_schedules.faults(schedule, most_days=entitlement.max_retention_days)


def build(wishes: Wishes, *, entitlement: Entitlement, cell: Cell) -> dict[str, Any]:
    """The spec in the form that the edge takes as a plan, of wishes that `check` found good."""
    images = wishes.get("images") or {}
    roles = {
        role: {**size, **({"image": images[role]} if role in images else {})}
        for role, size in entitlement.plan.roles.items()
    }
    groups = {name: dict(given) for name in GROUPS if (given := _group(wishes, name))}
    version = wishes.get("version") or cell.versions[0]
    opened = {"raw_enrollment": True} if wishes.get("raw_enrollment") else {}
    backups = {"backups": backup_schedules.in_spec(wishes["backups"] or {})} if wishes.get("backups") else {}
    spec = {"version": version, "roles": roles, **_numbers(wishes, entitlement), **groups, **opened, **backups}
    return with_sleep(spec, wishes.get("sleep_after_minutes"))


def _numbers(wishes: Wishes, entitlement: Entitlement) -> dict[str, int]:
    kept = min(KEPT_DAYS, entitlement.max_retention_days)
    agents = _or(wishes.get("max_agents"), entitlement.max_agents)
    fitting = disk.searchable_days(entitlement.plan.roles["indexer"], agents=agents, most=kept)
    retention = _or(wishes.get("retention_days"), fitting)
    return {
        "certificate_days": _or(wishes.get("certificate_days"), CERTIFICATE_DAYS),
        "retention_days": retention,
        "archive_days": _or(wishes.get("archive_days"), max(kept, retention)),
        "max_agents": agents,
    }


def with_sleep(spec: Mapping[str, Any], after_minutes: int | None) -> dict[str, Any]:
    """
    A spec under which the tenant sleeps after so many minutes without use; None for never. Raises Invalid.

    Without sleep nothing is said of it: the spec stays the one that was sent before.
    """
    rest = {name: value for name, value in spec.items() if name != "sleep"}
    if after_minutes is None:
        return rest
    if not LEAST_SLEEP <= after_minutes <= MOST_SLEEP:
        raise Invalid(f"Expected {LEAST_SLEEP} to {MOST_SLEEP} minutes.", field="sleep_after_minutes")
    return {**rest, "sleep": {"after_minutes": after_minutes}}


def with_content(spec: Mapping[str, Any], digest: str | None) -> dict[str, Any]:
    """A spec under which the manager has a bundle of content, or none. Without one, nothing is said of it."""
    rest = {name: value for name, value in spec.items() if name != "content"}
    return rest if digest is None else {**rest, "content": digest}


def _or(wish: int | None, default: int) -> int:
    return default if wish is None else wish


def _version_faults(wishes: Wishes) -> Iterator[FieldError]:
    version, images = wishes.get("version"), wishes.get("images") or {}
    named = {**({} if version is None else {"version": version}), **{f"images.{role}": v for role, v in images.items()}}
    for field, text in named.items():
        if not isinstance(text, str) or not VERSION.match(text):
            yield FieldError(field, "This is no version of Wazuh.")


def _number_faults(wishes: Wishes, entitlement: Entitlement) -> Iterator[FieldError]:
    most = {
        "certificate_days": MOST_CERTIFICATE_DAYS,
        "retention_days": entitlement.max_retention_days,
        "archive_days": entitlement.max_retention_days,
        "max_agents": entitlement.max_agents,
    }
    bounds = {**{name: (1, limit) for name, limit in most.items()}, "sleep_after_minutes": (LEAST_SLEEP, MOST_SLEEP)}
    given = {name: value for name in bounds if (value := wishes.get(name)) is not None}
    return _outside("", given, bounds)


def _group_faults(wishes: Wishes) -> Iterator[FieldError]:
    for name, bounds in GROUPS.items():
        yield from _outside(f"{name}.", _group(wishes, name), bounds)
    if wishes.get("raw_enrollment") not in (None, True, False):
        yield FieldError("raw_enrollment", "Expected true or false.")
    for role in wishes.get("images") or {}:
        if role not in ("manager", "indexer", "dashboard"):
            yield FieldError(f"images.{role}", "There is no such role.")


def _group(wishes: Wishes, name: str) -> Mapping[str, Any]:
    given: Any = wishes.get(name)
    return given or {}


def _outside(where: str, given: Mapping[str, Any], bounds: Mapping[str, Bounds]) -> Iterator[FieldError]:
    for name, value in given.items():
        least, most = bounds.get(name, (0, -1))
        if name not in bounds:
            yield FieldError(f"{where}{name}", "There is no such setting.")
        elif type(value) is not int or not least <= value <= most:
            yield FieldError(f"{where}{name}", f"Expected {least} to {most}.")

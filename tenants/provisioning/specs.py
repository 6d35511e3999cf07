"""Builds the spec of a new tenant: what its organization pays for, with what was chosen within that."""

import re
from typing import Any

from billing.entitlements import Entitlement
from controlplane.problems import Invalid
from tenants.provisioning.models import Cell
from tenants.provisioning.problems import InvalidPlan

LONGEST_NAME = 80
CERTIFICATE_DAYS, MOST_CERTIFICATE_DAYS = 365, 3650
RETENTION_DAYS = 30

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}\Z")


def check_name(name: str) -> str:
    """A tenant's name without spaces around it. Raises Invalid for one that could not be read on a page."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
    return name


def check_plan(code: str | None, entitlement: Entitlement) -> None:
    """Raise InvalidPlan where another plan is named than the organization's own."""
    if code is not None and code != entitlement.plan.code:
        raise InvalidPlan("plan", f"This organization is on the plan {entitlement.plan.code}. Nothing was created.")


def check_version(version: str | None) -> None:
    """Raise InvalidPlan for what can be no version at all; whether it is on offer is the cell's to say."""
    if version is not None and not VERSION.match(version):
        raise InvalidPlan("version", "This is no version of Wazuh.")


def series_of(version: str) -> tuple[int, ...]:
    """Major and minor version, within which data formats stay: a newer one reads older data, not the reverse."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split(".")[:2])


def build(
    *,
    entitlement: Entitlement,
    cell: Cell,
    version: str | None,
    certificate_days: int | None,
    retention_days: int | None,
    max_agents: int | None,
) -> dict[str, Any]:
    """
    The spec in the form that the edge takes as a plan. Raises InvalidPlan for what goes beyond the entitlement.

    Args:
        version: None for the cell's newest.
        certificate_days: how long the node certificates live.
        retention_days: how long alerts are kept.
        max_agents: how many agents may be enrolled.
    """
    longest = entitlement.max_retention_days
    return {
        "version": version or cell.versions[0],
        "roles": entitlement.plan.roles,
        "certificate_days": _within("certificate_days", certificate_days, CERTIFICATE_DAYS, MOST_CERTIFICATE_DAYS),
        "retention_days": _within("retention_days", retention_days, min(RETENTION_DAYS, longest), longest),
        "max_agents": _within("max_agents", max_agents, entitlement.max_agents, entitlement.max_agents),
    }


def _within(field: str, value: int | None, default: int, most: int) -> int:
    chosen = default if value is None else value
    if not 1 <= chosen <= most:
        raise InvalidPlan(field, f"Expected 1 to {most}.")
    return chosen

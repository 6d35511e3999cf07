"""What can be rolled out, as data: how one tenant is asked to take it, what keeps it from that, when it has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controlplane.actor import Actor
from controlplane.problems import FieldError, Invalid, Problem
from tenants.provisioning import versions
from tenants.provisioning.models import Cell, Operation, Tenant

type Arguments = Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """
    One kind of thing that is rolled out.

    `title` names one by its arguments; `check` raises Invalid for arguments that nobody can have; `ask` opens a
    tenant's operation (by whom, tenant, when, arguments); `has` says whether the tenant has it; `why_not` what else
    keeps it from that, but for what is under way.
    """

    title: Callable[[Arguments], str]
    check: Callable[[Arguments], None]
    ask: Callable[[Actor, Tenant, str, Arguments], Operation]
    has: Callable[[Tenant, Arguments], bool]
    why_not: Callable[[Tenant, Arguments], Problem | None]


def offered_versions() -> list[str]:
    """Every version that some cell offers, the newest first."""
    offered = {str(version) for cell in Cell.objects.all() for version in cell.versions}
    return sorted(offered, key=lambda version: [int(part) if part.isdigit() else 0 for part in version.split(".")])[
        ::-1
    ]


def _check_version(arguments: Arguments) -> None:
    if arguments.get("version") not in offered_versions():
        message = "This version is not on offer. Nothing was begun."
        raise Invalid(message, errors=[FieldError("version", message)])


KINDS: Mapping[str, Kind] = {
    "version": Kind(
        title=lambda given: f"Wazuh {given['version']}",
        check=_check_version,
        ask=lambda by, tenant, when, given: versions.upgrade(by=by, tenant=tenant, when=when, **given),
        has=lambda tenant, given: tenant.spec["version"] == given["version"],
        why_not=lambda tenant, given: versions.why_not(tenant, given["version"]),
    ),
}

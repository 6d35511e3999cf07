"""
What can be rolled out, as data: how one tenant is asked to take it, what keeps it from that, when it has it.

Rooms right of this one put theirs in with `add`, as their app begins.
"""

from controlplane.actor import Actor
from controlplane.problems import Conflict, FieldError, Invalid
from organizations.models import Organization
from tenants.content import publishing, reading
from tenants.provisioning import versions
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.rollouts.bulk import AT_ONCE
from tenants.rollouts.kind import Arguments, Kind, Outlook


def offered_versions() -> list[str]:
    """Every version that some cell offers, the newest first; a candidate, such as 5.0.0-rc, after all releases."""
    offered = {str(version) for cell in Cell.objects.all() for version in cell.versions}
    return sorted(offered, key=_precedence, reverse=True)


def _precedence(version: str) -> tuple[bool, list[int]]:
    """What is chosen by default for a whole fleet is never a candidate: it has a hyphen, as semver.org says."""
    numbers = [int(part) if part.isdigit() else 0 for part in version.split(".")]
    return "-" not in version, numbers


def _settle_version(organization: Organization, asked: Arguments) -> Arguments:
    if asked.get("version") not in offered_versions():
        message = "This version is not on offer. Nothing was begun."
        raise Invalid(message, errors=[FieldError("version", message)])
    return {"version": asked["version"]}


class FilesChanged(Conflict):
    """What would be published is not what the rings before tried."""

    def __init__(self) -> None:
        super().__init__(
            "The files were changed after the roll-out had begun, and nobody has tried them as they are now.",
            code="FILES_CHANGED",
            hint="End the roll-out and begin another one.",
        )


def _settle_content(organization: Organization, asked: Arguments) -> Arguments:
    return {"of": organization.pk, "files": reading.stamp_of(organization.pk)}


def _publish(by: Actor, tenant: Tenant, when: str, settled: Arguments) -> Operation:
    """The danger: somebody saves between two rings, and the many get what no canary has had."""
    if reading.stamp_of(settled["of"]) != settled["files"]:
        raise FilesChanged
    return publishing.publish(by=by, tenant=tenant, when=when)


def _runs_what_counts(tenant: Tenant) -> bool:
    wanted = reading.bundle_of(tenant, tenant.spec.get("content"))
    return not reading.differs(reading.effective_of(tenant, texts=False), wanted)


IN_RINGS: dict[str, Kind] = {
    "version": Kind(
        title=lambda given: f"Wazuh {given['version']}",
        offers=lambda _: [(each, f"Wazuh {each}") for each in offered_versions()],
        argument="version",
        settle=_settle_version,
        ask=lambda by, tenant, when, given: versions.upgrade(by=by, tenant=tenant, when=when, **given),
        has=lambda tenant, given: tenant.spec["version"] == given["version"],
        outlook=lambda _, tenant, given: Outlook(
            tenant.spec["version"] == given["version"], versions.why_not(tenant, given["version"])
        ),
        can_wait=True,
    ),
    "content": Kind(
        title=lambda _: "Content",
        offers=lambda _: [("content", "Content, as its files are now")],
        settle=_settle_content,
        ask=_publish,
        has=lambda tenant, _: _runs_what_counts(tenant),
        outlook=lambda _, tenant, __: Outlook(_runs_what_counts(tenant), publishing.why_not(tenant)),
        can_wait=True,
    ),
}
KINDS: dict[str, Kind] = {**IN_RINGS, **AT_ONCE}


def add(name: str, kind: Kind) -> None:
    """Have one more kind be rolled out ring by ring. To be called once for each, as an app begins."""
    if name in KINDS:
        raise ValueError(f"There is a kind {name} already.")
    IN_RINGS[name] = KINDS[name] = kind


def settled(name: str, organization: Organization, asked: Arguments) -> Arguments:
    """The arguments that hold for a whole roll-out. Raises Invalid for what nobody can have, or another kind takes."""
    kind = KINDS[name]
    for given in asked:
        if given != kind.argument:
            message = f"The kind {name} takes no {given}. Nothing was begun."
            raise Invalid(message, errors=[FieldError(given, message)])
    return kind.settle(organization, asked)


def chosen(organization: Organization, value: str) -> tuple[str, Arguments]:
    """Name and arguments of what was chosen among all that is on offer. Raises KeyError for anything else."""
    for name, kind in IN_RINGS.items():
        if value in dict(kind.offers(organization)):
            return name, ({kind.argument: value} if kind.argument else {})
    raise KeyError(value)

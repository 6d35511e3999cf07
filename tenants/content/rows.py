"""Content ready to be read: plain values and marks."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.marks import UNKNOWN, Mark
from tenants.content.diffs import Change
from tenants.content.layers import Effective, Level
from tenants.content.models import ContentBundle, ContentFile, ContentVersion
from tenants.provisioning.models import Tenant

LEVELS = {Level.PROVIDER: "Provider", Level.ORGANIZATION: "Organization", Level.TENANT: "This tenant"}

CHANGES = {
    "added": Mark("working", "plus", "Added by publishing"),
    "changed": Mark("working", "refresh-cw", "Changed by publishing"),
    "removed": Mark("attention", "trash-2", "Removed by publishing"),
}
RUNS = Mark("ok", "circle-check", "Runs")
LEFT_OUT = Mark("off", "circle-pause", "Left out")
COUNTS = Mark("ok", "circle-check", "In use")
WITHDRAWN = Mark("off", "circle-pause", "Withdrawn")

STATES = {
    "none": Mark("off", "circle-dashed", "Nothing published"),
    "refused": Mark("failed", "circle-x", "Publishing failed"),
    "under_way": Mark("working", "loader-circle", "On its way"),
    "differs": Mark("attention", "triangle-alert", "Changes to publish"),
    "in_step": Mark("ok", "circle-check", "As published"),
}


def of_state(state: Mapping[str, Any]) -> Mark:
    """What a tenant's content comes to, the worst first."""
    if state["error"]:
        return STATES["refused"]
    if state["wanted"] != state["applied"]:
        return STATES["under_way"]
    if state["changes"]:
        return STATES["differs"]
    return STATES["in_step" if state["applied"] else "none"]


def effective_row(each: Effective, changes: Mapping[tuple[str, str], Change], own: Mapping[Any, str]) -> dict[str, Any]:
    """
    What counts under one kind and name.

    Args: changes: what publishing would change, by kind and name; own: ids of the level's own files by the same.
    """
    change = changes.get(each.given.key)
    kind = ContentFile.Kind(each.given.kind)
    return {
        "kind": each.given.kind,
        "kind_words": kind.label,
        "name": each.given.name,
        "number": each.given.number,
        "source": each.source.name,
        "level": LEVELS[each.source.level],
        "over": [source.name for source in each.over],
        "left_out": each.left_out,
        "mark": LEFT_OUT if each.left_out else CHANGES[change.change] if change else RUNS,
        "own_id": own.get(each.given.key, ""),
    }


def file_mark(file: ContentFile, newest: ContentVersion | None) -> Mark:
    """Whether a file counts at its level."""
    if file.withdrawn_at:
        return WITHDRAWN
    return LEFT_OUT if newest is not None and newest.leaves_out else COUNTS


def version_row(version: ContentVersion, names: Mapping[str, str], newest: int) -> dict[str, Any]:
    """One version of a file."""
    return {
        "number": version.number,
        "newest": version.number == newest,
        "leaves_out": version.leaves_out,
        "note": version.note,
        "by": names.get(version.created_by, "somebody who has left"),
        "at": version.created_at,
    }


def bundle_row(bundle: ContentBundle, tenant: Tenant, names: Mapping[str, str]) -> dict[str, Any]:
    """One bundle that was put together for a tenant."""
    return {
        "id": bundle.pk,
        "digest": bundle.digest,
        "files": bundle.files,
        "runs": bundle.digest == ((tenant.edge_view or {}).get("content") or {}).get("applied"),
        "wanted": bundle.digest == tenant.spec.get("content"),
        "by": names.get(bundle.created_by, "somebody who has left"),
        "at": bundle.created_at,
    }


def change_row(change: Change) -> dict[str, Any]:
    """One file that would change, with its difference line by line."""
    return {
        "kind_words": ContentFile.Kind(change.kind).label,
        "name": change.name,
        "mark": CHANGES.get(change.change, UNKNOWN),
        "lines": diff_lines(change.diff),
    }


def diff_lines(diff: str) -> Sequence[tuple[str, str]]:
    """Each line of a unified difference with its class."""
    css = {"+": "add", "-": "del", "@": "at", "…": "at"}
    return [(css.get(line[:1], ""), line) for line in diff.split("\n")] if diff else []

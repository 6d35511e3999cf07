"""Content ready to be read: plain values and marks."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.marks import Mark
from tenants.content.layers import Effective, Level
from tenants.content.models import ContentFile, ContentVersion

LEVELS = {Level.PROVIDER: "Provider", Level.ORGANIZATION: "Organization", Level.TENANT: "This tenant"}

LEFT_OUT = Mark("off", "circle-pause", "Left out")
COUNTS = Mark("ok", "circle-check", "Counts")
WITHDRAWN = Mark("off", "circle-pause", "Withdrawn")


def effective_row(each: Effective, own: Mapping[Any, str]) -> dict[str, Any]:
    """What counts under one kind and name. Args: own: ids of the level's own files by kind and name."""
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
        "mark": LEFT_OUT if each.left_out else COUNTS,
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


def diff_lines(diff: str) -> Sequence[tuple[str, str]]:
    """Each line of a unified difference with its class."""
    css = {"+": "add", "-": "del", "@": "at", "…": "at"}
    return [(css.get(line[:1], ""), line) for line in diff.split("\n")] if diff else []

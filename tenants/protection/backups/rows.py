"""Backups ready to be read: plain values and marks."""

from collections.abc import Mapping
from typing import Any

from controlplane.marks import UNKNOWN, Mark
from tenants.protection.backups.models import Backup

STATE = {
    "running": Mark("working", "loader-circle", "Being made"),
    "succeeded": Mark("ok", "circle-check", "Kept"),
    "failed": Mark("failed", "circle-x", "Failed"),
}
PENDING = Mark("working", "clock", "Pending at the edge")

PURPOSE = {
    "on-demand": "On demand",
    "scheduled": "Every day",
    "before-change": "Before a change",
}


def backup_row(backup: Backup, names: Mapping[str, str]) -> dict[str, Any]:
    """One backup."""
    versions = sorted(set(backup.versions.values()))
    return {
        "id": backup.pk,
        "mark": PENDING if backup.pending else STATE.get(backup.state, UNKNOWN),
        "changes": backup.state == Backup.State.RUNNING,
        "usable": backup.state == Backup.State.SUCCEEDED,
        "purpose": PURPOSE.get(backup.kind, backup.kind),
        "asked_by": names.get(backup.requested_by, ""),
        "size": size_words(backup.size_bytes) if backup.parts else "",
        "parts": [(part["role"].capitalize(), size_words(part["bytes"]), part["version"]) for part in backup.parts],
        "versions": versions,
        "created_at": backup.created_at,
        "expires_at": backup.expires_at,
        "error": backup.error,
    }


def size_words(count: int) -> str:
    """'312 MB': bytes in the largest unit of a thousand in which they make one or more."""
    amount, units = float(count), ["bytes", "kB", "MB", "GB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.0f} {units[0]}" if amount >= 10 or units[0] == "bytes" else f"{amount:.1f} {units[0]}"

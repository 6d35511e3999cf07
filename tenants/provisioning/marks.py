"""How the states of tenants, operations and nodes look: one table for each kind of thing, read by pages only."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from controlplane.marks import UNKNOWN, Mark
from tenants.provisioning import lifecycle
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.sighting import read_time

WORKING = "loader-circle"

TENANT: dict[str, Mark] = {
    "provisioning": Mark("working", WORKING, "Provisioning"),
    "running": Mark("ok", "circle-check", "Running"),
    "attention": Mark("attention", "triangle-alert", "Attention"),
    "sleeping": Mark("off", "moon-star", "Sleeping"),
    "stopping": Mark("working", WORKING, "Stopping"),
    "stopped": Mark("off", "circle-pause", "Stopped"),
    "failed": Mark("failed", "circle-x", "Failed"),
    "binned": Mark("attention", "trash-2", "In the recycle bin"),
    "deleted": Mark("off", "trash-2", "Deleted"),
}

OPERATION: dict[str, Mark] = {
    "scheduled": Mark("off", "clock", "Scheduled"),
    "queued": Mark("working", "clock", "Queued"),
    "running": Mark("working", WORKING, "Running"),
    "waiting": Mark("attention", "clock", "Waiting"),
    "succeeded": Mark("ok", "circle-check", "Succeeded"),
    "failed": Mark("failed", "circle-x", "Failed"),
    "cancelled": Mark("off", "circle-pause", "Cancelled"),
}

STEP: dict[str, Mark] = {
    "pending": Mark("off", "circle-dashed", "Queued"),
    "running": Mark("working", WORKING, "Running"),
    "succeeded": Mark("ok", "circle-check", "Done"),
    "failed": Mark("failed", "circle-x", "Failed"),
}

NODE: dict[str, Mark] = {
    "absent": Mark("off", "circle-dashed", "Not there yet"),
    "starting": Mark("working", WORKING, "Starting"),
    "running": Mark("ok", "circle-check", "Running"),
    "stopping": Mark("working", WORKING, "Stopping"),
    "stopped": Mark("off", "circle-pause", "Stopped"),
    "failed": Mark("failed", "circle-x", "Failed"),
}

HEALTH: dict[str, Mark] = {
    "ok": Mark("ok", "circle-check", "Well"),
    "warning": Mark("attention", "triangle-alert", "Warning"),
    "failing": Mark("failed", "circle-x", "Failing"),
}

# What is said of a tenant that is being erased, or wakes up; the status alone would hide the aim.
ERASING = Mark("working", WORKING, "Erasing")
WAKING = Mark("working", WORKING, "Waking up")

OF_DRIFT = {
    "in_step": Mark("ok", "circle-check", "As asked"),
    "under_way": Mark("working", WORKING, "On its way"),
    "drifts": Mark("attention", "triangle-alert", "Differs"),
    "unknown": Mark("off", "clock", "Not told yet"),
}
"""What the comparison of a tenant with what was asked comes to."""


def of_tenant(tenant: Tenant) -> Mark:
    """The state of a tenant with the reason people should know, if there is one."""
    status = tenant.status
    if status == "stopping" and tenant.requested == Tenant.Requested.DELETED:
        return ERASING
    if status == "provisioning" and lifecycle.is_waking(tenant):
        return WAKING
    return TENANT.get(status, UNKNOWN).saying(why=why_of(tenant, status))


def why_of(tenant: Tenant, status: str) -> str:
    """One sentence under a state that needs a word."""
    if status == "attention":
        return " ".join(reason["message"] for reason in tenant.attention)
    if status == "failed":
        reason: dict[str, Any] = tenant.reason or (tenant.edge_view or {}).get("reason") or {}
        return str(reason.get("message", ""))
    if status == "binned":
        kept = "Kept until its protection is lifted" if tenant.protected else f"Erased on {_said(tenant.erases_at)}"
        return f"{kept}, unless it is undeleted before."
    if tenant.sleeping:
        return f"Since {_said(read_time(tenant.sleeping['since']))}, wakes on request."
    return ""


def of_health(health: Mapping[str, Any]) -> Mark:
    """How a node that runs is, with the reason where something is wrong."""
    detail = health.get("detail")
    why = str(detail.get("message") or "") if isinstance(detail, Mapping) else ""
    return HEALTH.get(str(health.get("state")), UNKNOWN).saying(why=why)


def _said(moment: dt.datetime | None) -> str:
    return f"{moment:%-d %B, %H:%M} UTC" if moment else "a while"


def of_operation(operation: Operation) -> Mark:
    """The state of an operation."""
    return OPERATION.get(operation.state, UNKNOWN)


def of_certificate(not_after: dt.datetime | None, now: dt.datetime, notice: dt.timedelta) -> Mark | None:
    """A mark only for certificates that end soon or have ended."""
    if not_after is None or not_after - now > notice:
        return None
    return Mark("failed", "circle-x", "Ended") if not_after <= now else Mark("attention", "clock", "Ends soon")

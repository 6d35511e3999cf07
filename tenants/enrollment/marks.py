"""How the states of tokens and agents look, and why machines are kept out: tables read by pages only."""

from controlplane.marks import Mark
from tenants.provisioning.marks import WORKING

AGENT: dict[str, Mark] = {
    "active": Mark("ok", "circle-check", "Connected"),
    "disconnected": Mark("attention", "unplug", "Silent"),
    "never_connected": Mark("off", "circle-dashed", "Never connected"),
    "pending": Mark("working", WORKING, "Joining"),
    "quarantined": Mark("failed", "shield-off", "Quarantined"),
}

TOKEN: dict[str, Mark] = {
    "active": Mark("ok", "circle-check", "Active"),
    "expired": Mark("off", "clock", "Expired"),
    "used_up": Mark("off", "circle-pause", "Used up"),
    "revoked": Mark("failed", "circle-x", "Revoked"),
}

REFUSALS: dict[str, str] = {
    "expired": "the token had expired",
    "used_up": "the token was used up",
    "revoked": "the token was revoked",
    "unknown": "no such token exists",
    "other_name": "the token is for agents of other names",
    "clock": "the machine's clock is more than an hour off",
    "quarantined": "the agent of this enrollment is quarantined",
    "name_taken": "another agent has this name",
    "certificate_taken": "another agent has this certificate",
    "limit": "the plan has no room for more agents",
    "conflict": "the enrollment had been for another machine",
}

"""How states of components, tenants and incidents look."""

from controlplane.marks import Mark

UNKNOWN = Mark("off", "circle-dashed", "No data")

STATE: dict[str, Mark] = {
    "operational": Mark("ok", "circle-check", "Operational"),
    "degraded": Mark("attention", "triangle-alert", "Degraded"),
    "down": Mark("failed", "circle-x", "Down"),
    "changing": Mark("working", "loader-circle", "Change under way"),
    "resting": Mark("ok", "moon-star", "Asleep, wakes on request"),
    "stopped": Mark("off", "circle-pause", "Stopped"),
    "unknown": UNKNOWN,
}

STAGE: dict[str, Mark] = {
    "scheduled": Mark("off", "clock", "Scheduled"),
    "under way": Mark("working", "loader-circle", "Under way"),
    "takes longer": Mark("attention", "clock", "Takes longer than announced"),
    "investigating": Mark("failed", "search", "Investigating"),
    "identified": Mark("attention", "triangle-alert", "Identified"),
    "monitoring": Mark("working", "eye", "Monitoring"),
    "resolved": Mark("ok", "circle-check", "Resolved"),
}

WHOLE: dict[str, Mark] = {
    "operational": Mark("ok", "circle-check", "Everything is operational"),
    "degraded": Mark("attention", "triangle-alert", "Some of it is degraded"),
    "down": Mark("failed", "circle-x", "Some of it is down"),
    "unknown": Mark("off", "circle-dashed", "Of some of it there is no news"),
}
"""The platform as a whole."""


def state_of(state: str) -> Mark:
    """The look of one state."""
    return STATE.get(state, UNKNOWN)

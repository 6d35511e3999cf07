"""Gathers Celery's entry points of the inner rooms, and says how often beat calls them."""

from fleet.alerts.tasks import forget_alerts, read_alerts, sweep_alerts

__all__ = ["BEAT_SCHEDULE", "forget_alerts", "read_alerts", "sweep_alerts"]

BEAT_SCHEDULE = {
    "sweep-alerts": {
        "task": "fleet.tasks.sweep_alerts",
        "schedule": 5.0,
        "options": {"expires": 10, "queue": "bulk"},
    },
    "forget-alerts": {
        "task": "fleet.tasks.forget_alerts",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "bulk"},
    },
}

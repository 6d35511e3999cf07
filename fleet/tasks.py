"""Gathers Celery's entry points of the inner rooms, and says how often beat calls them."""

from fleet.alerts.tasks import forget_alerts, read_alerts, sweep_alerts
from fleet.onboarding.tasks import look_at_import, sweep_imports
from fleet.reports.tasks import issue_reports, sweep_reports
from fleet.routing.tasks import forget_notices, send_notice, sweep_notices

__all__ = [
    "BEAT_SCHEDULE",
    "forget_alerts",
    "forget_notices",
    "issue_reports",
    "look_at_import",
    "read_alerts",
    "send_notice",
    "sweep_alerts",
    "sweep_imports",
    "sweep_notices",
    "sweep_reports",
]

BEAT_SCHEDULE = {
    "sweep-imports-of-clients": {
        "task": "fleet.tasks.sweep_imports",
        "schedule": 15.0,
        "options": {"expires": 14, "queue": "interactive"},
    },
    "sweep-alerts": {
        "task": "fleet.tasks.sweep_alerts",
        "schedule": 5.0,
        "options": {"expires": 10, "queue": "bulk"},
    },
    "sweep-notices": {
        "task": "fleet.tasks.sweep_notices",
        "schedule": 10.0,
        "options": {"expires": 20, "queue": "bulk"},
    },
    "sweep-reports": {
        "task": "fleet.tasks.sweep_reports",
        "schedule": 60.0,
        "options": {"expires": 55, "queue": "bulk"},
    },
    "forget-alerts": {
        "task": "fleet.tasks.forget_alerts",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "bulk"},
    },
    "forget-notices": {
        "task": "fleet.tasks.forget_notices",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "bulk"},
    },
}

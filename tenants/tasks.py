"""Gathers Celery's entry points of the inner rooms, and says how often beat calls them."""

from tenants.access.tasks import exchange_trail, exchange_trails
from tenants.agents.tasks import follow_moves, follow_moves_of
from tenants.enrollment.tasks import read_agents
from tenants.metering.tasks import read_usage
from tenants.protection.tasks import look_into_bins
from tenants.provisioning.tasks import (
    begin_scheduled,
    consume_changes,
    reconcile,
    start_consumers,
    sweep_due,
    sweep_scheduled,
    sweep_settled,
    work_off,
)
from tenants.rollouts.tasks import look_at_rollout, sweep_rollouts
from tenants.status.tasks import check_cell, check_platform, forget_old_status

__all__ = [
    "BEAT_SCHEDULE",
    "begin_scheduled",
    "check_cell",
    "check_platform",
    "consume_changes",
    "exchange_trail",
    "exchange_trails",
    "follow_moves",
    "follow_moves_of",
    "forget_old_status",
    "look_at_rollout",
    "look_into_bins",
    "read_agents",
    "read_usage",
    "reconcile",
    "start_consumers",
    "sweep_due",
    "sweep_rollouts",
    "sweep_scheduled",
    "sweep_settled",
    "work_off",
]

BEAT_SCHEDULE = {
    "sweep-due-tenants": {
        "task": "tenants.tasks.sweep_due",
        "schedule": 2.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "start-consumers-of-changes": {
        "task": "tenants.tasks.start_consumers",
        "schedule": 2.0,
        "options": {"expires": 4, "queue": "interactive"},
    },
    "sweep-scheduled-operations": {
        "task": "tenants.tasks.sweep_scheduled",
        "schedule": 15.0,
        "options": {"expires": 14, "queue": "interactive"},
    },
    "sweep-rollouts": {
        "task": "tenants.tasks.sweep_rollouts",
        "schedule": 15.0,
        "options": {"expires": 14, "queue": "interactive"},
    },
    "sweep-settled-tenants": {
        "task": "tenants.tasks.sweep_settled",
        "schedule": 60.0,
        "options": {"expires": 55, "queue": "bulk"},
    },
    "exchange-trails": {
        "task": "tenants.tasks.exchange_trails",
        "schedule": 900.0,
        "options": {"expires": 800, "queue": "bulk"},
    },
    "follow-moves-of-agents": {
        "task": "tenants.tasks.follow_moves",
        "schedule": 30.0,
        "options": {"expires": 25, "queue": "bulk"},
    },
    "look-into-bins": {
        "task": "tenants.tasks.look_into_bins",
        "schedule": 60.0,
        "options": {"expires": 55, "queue": "bulk"},
    },
    "check-platform": {
        "task": "tenants.tasks.check_platform",
        "schedule": 30.0,
        "options": {"expires": 25, "queue": "bulk"},
    },
    "forget-old-status": {
        "task": "tenants.tasks.forget_old_status",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "bulk"},
    },
    "read-usage": {
        "task": "tenants.tasks.read_usage",
        "schedule": 60.0,
        "options": {"expires": 55, "queue": "bulk"},
    },
}

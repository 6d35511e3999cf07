"""Celery's application. Messages carry ids and are only wake-ups: what is due stands in rows."""

import os

# Read by billiard when it is first imported: SIGTERM then means "finish the running tasks, at most the soft time".
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import structlog
from celery import Celery, Task
from celery.signals import setup_logging, task_prerun, worker_init
from django.db import transaction
from kombu.exceptions import OperationalError

from controlplane import broker

log = structlog.get_logger(__name__)

broker.use()
app = Celery("garrison")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_the_projects_logging(**_: Any) -> None:
    """Celery would replace the filtered log configuration with its own."""


@task_prerun.connect
def bind_task(task_id: str, task: Task, **_: Any) -> None:
    """Names the task in every line it logs."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


def gather_schedule() -> None:
    """Takes each room's ``BEAT_SCHEDULE`` out of its ``tasks`` module. The schedule is static: truth is in rows."""
    from django.conf import settings

    modules = [f"{room}.tasks" for room in ("controlplane", *settings.ROOMS) if find_spec(f"{room}.tasks")]
    schedules = (getattr(import_module(module), "BEAT_SCHEDULE", {}) for module in modules)
    app.conf.beat_schedule = {name: entry for schedule in schedules for name, entry in schedule.items()}


@worker_init.connect
def refuse_unsafe_production(**_: Any) -> None:
    """A worker starts under the same checks as the portal."""
    from controlplane.checks import refuse_unsafe_production as refuse

    refuse()


def wake(task: Task, *arguments: Any, queue: str | None = None) -> None:
    """Sends a wake-up now. With the broker away nothing is lost: beat finds the row when it is due."""
    try:
        task.apply_async(args=arguments, queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("wake_up_not_sent", woken=task.name, error=type(error).__name__)


def wake_on_commit(task: Task, *arguments: Any, queue: str | None = None) -> None:
    """Sends a wake-up once the running transaction has committed; a rolled back one sends nothing."""
    transaction.on_commit(lambda: wake(task, *arguments, queue=queue), robust=True)

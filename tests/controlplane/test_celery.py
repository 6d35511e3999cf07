import importlib

import pytest
from celery import shared_task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from controlplane import celery


def test_a_task_that_dies_comes_back():
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert settings.CELERY_TASK_ACKS_LATE
    assert settings.CELERY_TASK_REJECT_ON_WORKER_LOST
    assert (options["unacked_restore_interval"], options["unacked_restore_throttle"]) == (2, 1)


def test_a_task_that_still_runs_is_not_started_twice():
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT
    assert settings.CELERY_TASK_TIME_LIMIT > settings.CELERY_TASK_SOFT_TIME_LIMIT


def test_a_worker_takes_one_task_at_a_time_and_json_only():
    assert settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1
    assert settings.CELERY_ACCEPT_CONTENT == ["json"]
    assert settings.CELERY_TASK_SERIALIZER == "json"


def test_no_result_and_with_it_no_secret_is_kept_anywhere():
    assert settings.CELERY_TASK_IGNORE_RESULT
    assert settings.CELERY_RESULT_BACKEND is None


def test_sigterm_lets_running_tasks_finish():
    import os

    assert os.environ["REMAP_SIGTERM"] == "SIGQUIT"


def test_every_rooms_schedule_runs_and_names_a_task_that_exists():
    schedule = celery.app.conf.beat_schedule
    assert "deliver-outbox" in schedule
    for room in ("controlplane", *settings.ROOMS):
        if importlib.util.find_spec(f"{room}.tasks"):
            own = getattr(importlib.import_module(f"{room}.tasks"), "BEAT_SCHEDULE", {})
            assert set(own) <= set(schedule)
    assert {entry["task"] for entry in schedule.values()} <= set(celery.app.tasks)


@shared_task
def work(number):
    """A task of the tests."""


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(work, "apply_async", lambda **options: messages.append(options["args"]))
    return messages


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_is_sent_when_the_change_is_committed_and_not_before(sent):
    with transaction.atomic():
        celery.wake_on_commit(work, 1)
        assert sent == []
    assert sent == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_was_rolled_back_wakes_nobody(sent):
    with transaction.atomic():
        celery.wake_on_commit(work, 1)
        transaction.set_rollback(True)
    assert sent == []


def test_a_missing_broker_fails_nobody(monkeypatch):
    def no_broker(**_):
        raise OperationalError("no broker")

    monkeypatch.setattr(work, "apply_async", no_broker)
    celery.wake(work, 1)

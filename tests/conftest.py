"""What every Python test stands on: a real database, no network, and a cast of people."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from django.test import TransactionTestCase

from local.postgres import Cluster
from tests import database

pytest_plugins = ["tests.cast", "tests.stack_fixture"]

# Journeys come first: begun last, one of two minutes would leave the other processes idle. Tests in a browser come
# last: Playwright leaves an event loop running in its process, in which no test with a loop of its own can follow.
TURNS = {"journeys": 0, "browser": 2}
ON_POSTGRES = os.environ.get("TEST_DATABASE") == "postgres"
# Rooms whose tests may open no connection; the others run real processes on this machine.
WITHOUT_NETWORK = ("controlplane", "organizations", "billing", "tenants", "fleet", "isolation")
# A test without any of them would tell the same on every database; the run on SQLite tells it.
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_setup"}

# A machine that is busy with other tests is slow, which is no fault of what is tested.
PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("usual", **PATIENT)
hypothesis.settings.register_profile("long", max_examples=10_000, **PATIENT)
hypothesis.settings.load_profile("usual")

_cluster = pytest.StashKey[Cluster]()


def pytest_configure(config: pytest.Config) -> None:
    """Starts the run's Postgres server once, in the process that hands out the tests."""
    config.option.allow_unix_socket = True
    if ON_POSTGRES and not hasattr(config, "workerinput") and not config.option.collectonly:
        config.stash[_cluster] = Cluster().start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends it."""
    if _cluster in config.stash:
        config.stash[_cluster].stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tells a worker process of pytest-xdist where the server is."""
    if _cluster in node.config.stash:
        node.workerinput["postgres"] = str(node.config.stash[_cluster].directory)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Closes the network for the unit tests; leaves tests of Postgres to it, and to it only what a database answers."""
    here = Path(__file__).parent
    for item in items:
        room = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
        if room in WITHOUT_NETWORK:
            item.add_marker(pytest.mark.disable_socket)
    elsewhere = {item for item in items if not _belongs_here(item)}
    config.hook.pytest_deselected(items=list(elsewhere))
    items[:] = [item for item in items if item not in elsewhere]
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return next((TURNS[part] for part in item.path.parts if part in TURNS), 1)


def _belongs_here(item: pytest.Item) -> bool:
    if item.get_closest_marker("sqlite" if ON_POSTGRES else "postgres"):
        return False
    if not ON_POSTGRES:
        return True
    return bool(item.get_closest_marker("django_db")) or not DATABASE_FIXTURES.isdisjoint(item.fixturenames)


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: object,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Makes the database of this process, in place of pytest-django's own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if hasattr(request.config, "workerinput") else shared
    with django_db_blocker.unblock():
        if ON_POSTGRES:
            database.make_postgres(_server_of(request.config), f"garrison_{worker}", shared)
        else:
            database.make_sqlite(tmp_path_factory.mktemp("database"), shared)
    yield
    with django_db_blocker.unblock():
        from django.db import connection

        connection.close()
        if ON_POSTGRES:
            connection.close_pool()


def _server_of(config: pytest.Config) -> str:
    if hasattr(config, "workerinput"):
        return config.workerinput["postgres"]
    return str(config.stash[_cluster].directory)


def _empty_after_test(self: TransactionTestCase) -> None:
    database.empty()


# Django's flush may not empty tables as `app`, trips over the append-only audit trail and loses the migrations' rows.
TransactionTestCase._fixture_teardown = _empty_after_test


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Counters of one test must not throttle the next."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _no_request() -> None:
    """The last request of one test must not be the one under way in the next."""
    structlog.contextvars.clear_contextvars()

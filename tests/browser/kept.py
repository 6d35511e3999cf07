"""A world that is built once, with its database: building it for each test would cost most of the suite's time."""

import copy
import sqlite3

from django.db import connection

from tests.browser.edge import LivelyEdge
from tests.browser.world import World


class Kept:
    """A copy of the rows and of what the tests know of them."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect(":memory:")
        self._world: World | None = None

    @property
    def is_filled(self) -> bool:
        """False until the first test of the process has built a world."""
        return self._world is not None

    def keep(self, world: World) -> None:
        """Remember a world as it is now."""
        world.edge.requests.clear()
        self._world = copy.deepcopy(world)
        connection.ensure_connection()
        connection.connection.backup(self._rows)

    def put_back(self, edge: LivelyEdge) -> World:
        """Bring rows and edge back to what was remembered, and tell what is where."""
        world = copy.deepcopy(self._world)
        assert world is not None
        edge.__dict__.update(world.edge.__dict__)
        world.edge = edge
        connection.ensure_connection()
        self._rows.backup(connection.connection)
        return world


kept = Kept()

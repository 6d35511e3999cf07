"""The agents a manager knows: keys in etc/client.keys, the rest in queue/db/global.db, both on the node's disk."""

import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.nodes.addresses import may_register
from local.nodes.manager.shared_files import SharedFiles

NAME = re.compile(r"[A-Za-z0-9._-]{2,128}")
AGENT_ID = re.compile(r"[0-9]{3,8}")
KEY = re.compile(r"[0-9A-Za-z]{64}")
DEFAULT_GROUP = "default"

SCHEMA = """
CREATE TABLE IF NOT EXISTS agent (
    id TEXT PRIMARY KEY, register_ip TEXT NOT NULL, added_at REAL NOT NULL, groups TEXT NOT NULL,
    started_at REAL, last_keepalive REAL, shut_down INTEGER NOT NULL DEFAULT 0, uname TEXT, version TEXT, ip TEXT,
    merged_sum TEXT, config_sum TEXT, node TEXT, labels TEXT NOT NULL DEFAULT '',
    received_global INTEGER NOT NULL DEFAULT 0, received_local INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agent_group (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""
HEARD = (
    *("started_at", "last_keepalive", "shut_down", "uname", "version", "ip", "merged_sum", "config_sum", "node"),
    "labels",
)
"""What an agent says of itself, and where and when it was heard."""
STORED = (*HEARD, "received_global", "received_local")


class RegistryError(Exception):
    """A refused change: the server API's error code and the reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass
class Agent:
    """One enrolled agent. Times are seconds since 1970."""

    id: str
    name: str
    key: str
    register_ip: str = "any"
    added_at: float = field(default_factory=time.time)
    groups: list[str] = field(default_factory=lambda: [DEFAULT_GROUP])
    started_at: float | None = None
    last_keepalive: float | None = None
    shut_down: int = 0
    uname: str | None = None
    version: str | None = None
    ip: str | None = None
    merged_sum: str | None = None
    config_sum: str | None = None
    node: str | None = None
    """Name of the manager that it last spoke to."""
    labels: str = ""
    """What it says that it is labelled with, as JSON; empty without labels."""
    received_global: int = 0
    received_local: int = 0

    def status(self, now: float, silence: float) -> str:
        """The status that the API shows; `silence` is the number of seconds without keepalive that disconnects."""
        if self.last_keepalive is not None:
            return "disconnected" if self.shut_down or now - self.last_keepalive > silence else "active"
        return "pending" if self.started_at is not None and not self.shut_down else "never_connected"


class Registry:
    """All agents and groups. Every change is written when its method returns, but for `touch`.

    What is written outlives the process, however it ends; SQLite does not wait for the disk, so the machine's own end
    may take the last moments along. `changed` is called after each change of who is enrolled or in which group.
    """

    def __init__(self, disk: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._keys_file, self.shared = disk / "etc" / "client.keys", SharedFiles(disk / "etc" / "shared")
        self._changed = changed
        database = disk / "queue" / "db" / "global.db"
        for directory in (self._keys_file.parent, database.parent):
            directory.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(database, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(SCHEMA)
        self._add_columns()
        self.shared.add(DEFAULT_GROUP)
        groups = [(group,) for group in self.shared.groups()]
        self._database.executemany("INSERT OR IGNORE INTO agent_group VALUES (?)", groups)
        self._agents = {agent.id: agent for agent in self._load()}
        self._touched: set[str] = set()

    def _add_columns(self) -> None:
        """What a stand-in of before did not have."""
        present = {column[1] for column in self._database.execute("PRAGMA table_info(agent)")}
        for name, kind in (("node", "TEXT"), ("labels", "TEXT NOT NULL DEFAULT ''")):
            if name not in present:
                self._database.execute(f"ALTER TABLE agent ADD COLUMN {name} {kind}")

    def _load(self) -> Iterable[Agent]:
        self._database.row_factory = sqlite3.Row
        rows = {row["id"]: row for row in self._database.execute("SELECT * FROM agent")}
        lines = self._keys_file.read_text().splitlines() if self._keys_file.exists() else []
        for id, name, register_ip, key in filter(None, map(_read_key_line, lines)):
            row = rows.get(id)
            if row is None:  # client.keys alone keeps an agent connected
                agent = Agent(id, name, key, register_ip)
                self._store(agent)
                yield agent
                continue
            stored = {column: row[column] for column in STORED}
            yield Agent(id, name, key, register_ip, row["added_at"], row["groups"].split(","), **stored)

    def close(self) -> None:
        self.flush()
        self._database.close()

    def all(self) -> list[Agent]:
        return sorted(self._agents.values(), key=lambda agent: int(agent.id))

    def find(self, id: str) -> Agent | None:
        return self._agents.get(id)

    def named(self, name: str) -> Agent | None:
        return next((agent for agent in self._agents.values() if agent.name == name), None)

    def add(
        self,
        name: str,
        *,
        id: str | None = None,
        key: str | None = None,
        register_ip: str = "any",
        instead_of: Iterable[Agent] = (),
    ) -> Agent:
        """Enrolls an agent; those in `instead_of` give way to it, but only when nothing else is against it.

        Raises RegistryError where name, id, key or address is unusable, or name or id is taken.
        """
        _check(name, id, key, register_ip)
        leaving = {agent.id for agent in instead_of}
        self._refuse_taken(name, id, [agent for agent in self._agents.values() if agent.id not in leaving])
        for old in leaving:
            self.remove(old)
        agent = Agent(id or self._next_id(), name, key or secrets.token_hex(32), register_ip)
        self._agents[agent.id] = agent
        self._store(agent)
        self._write_keys()
        self._changed()
        return agent

    @staticmethod
    def _refuse_taken(name: str, id: str | None, others: list[Agent]) -> None:
        if any(agent.name == name for agent in others):
            raise RegistryError(1705, "There is an agent with the same name")
        if any(agent.id == id for agent in others):
            raise RegistryError(1708, "There is an agent with the same ID")

    def _next_id(self) -> str:
        return f"{max((int(id) for id in self._agents), default=0) + 1:03}"

    def remove(self, id: str) -> None:
        del self._agents[id]
        self._touched.discard(id)
        self._database.execute("DELETE FROM agent WHERE id = ?", (id,))
        self._write_keys()
        self._changed()

    def keys_text(self) -> str:
        """All of client.keys."""
        return "".join(f"{agent.id} {agent.name} {agent.register_ip} {agent.key}\n" for agent in self.all())

    def take_over(self, keys: str, groups: Mapping[str, str], memberships: Mapping[str, list[str]]) -> list[str]:
        """Replaces all keys, groups (with their configurations) and memberships by another manager's; the ids of agents
        that are gone or have new keys. What was heard from an agent that stays is kept."""
        read = {line[0]: line for line in filter(None, map(_read_key_line, keys.splitlines()))}
        left = [id for id, agent in self._agents.items() if read.get(id) != _key_line(agent)]
        for id in left:
            del self._agents[id]
            self._touched.discard(id)
            self._database.execute("DELETE FROM agent WHERE id = ?", (id,))
        for id, name, register_ip, key in read.values():
            agent = self._agents.setdefault(id, Agent(id, name, key, register_ip))
            agent.groups = memberships.get(id, [DEFAULT_GROUP])
            self._store(agent)
        for gone in set(self.groups()) - {DEFAULT_GROUP, *groups}:
            self._forget_group(gone)
        for new in set(groups) - set(self.groups()):
            self.add_group(new)
        for group, configuration in groups.items():
            if self.shared.configuration(group) != configuration:
                self.shared.configure(group, configuration)
        self._write_keys()
        self._changed()
        return left

    def _write_keys(self) -> None:
        text = self.keys_text()
        fresh = self._keys_file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        fresh.replace(self._keys_file)

    def _store(self, agent: Agent) -> None:
        columns = ("id", "register_ip", "added_at", "groups", *STORED)
        stored = [getattr(agent, column) for column in STORED]
        values = [agent.id, agent.register_ip, agent.added_at, ",".join(agent.groups), *stored]
        marks = ",".join("?" * len(columns))
        # column names are constants of this module
        self._database.execute(f"REPLACE INTO agent ({','.join(columns)}) VALUES ({marks})", values)  # noqa: S608

    def count(self, agent: Agent, counters: tuple[int, int]) -> None:
        """Takes the counters of a message. They are written before it has an effect: a recorded message must not have
        it again when the manager was killed in between."""
        agent.received_global, agent.received_local = counters
        self._database.execute(
            "UPDATE agent SET received_global = ?, received_local = ? WHERE id = ?", (*counters, agent.id)
        )

    def touch(self, agent: Agent) -> None:
        """Marks what was heard from an agent to be stored by the next `flush`."""
        self._touched.add(agent.id)

    def flush(self) -> None:
        """Stores all marked agents in one transaction."""
        if not self._touched:
            return
        self._database.execute("BEGIN")
        for id in self._touched:
            self._store(self._agents[id])
        self._database.execute("COMMIT")
        self._touched.clear()

    def groups(self) -> list[str]:
        return [row["name"] for row in self._database.execute("SELECT name FROM agent_group ORDER BY name")]

    def add_group(self, name: str) -> None:
        self._database.execute("INSERT INTO agent_group VALUES (?)", (name,))
        self.shared.add(name)
        self._changed()

    def configure_group(self, name: str, text: str) -> None:
        """Replaces the agent.conf that the group's agents get."""
        self.shared.configure(name, text)
        self._changed()

    def _forget_group(self, name: str) -> None:
        self._database.execute("DELETE FROM agent_group WHERE name = ?", (name,))
        self.shared.remove(name)

    def remove_group(self, name: str) -> None:
        self._forget_group(name)
        for agent in self._agents.values():
            if name in agent.groups:
                self.set_groups(agent, [group for group in agent.groups if group != name] or [DEFAULT_GROUP])

    def set_groups(self, agent: Agent, groups: list[str]) -> None:
        agent.groups = groups
        self._store(agent)
        self._changed()


def _check(name: str, id: str | None, key: str | None, register_ip: str) -> None:
    """Raises RegistryError where one of them cannot stand in client.keys."""
    if not NAME.fullmatch(name):
        raise RegistryError(1738, "Agent name is not valid: 2 to 128 of A-Z a-z 0-9 . _ -")
    if id is not None and not AGENT_ID.fullmatch(id):
        raise RegistryError(4000, "Agent id is not valid: 3 to 8 digits")
    if key is not None and not KEY.fullmatch(key):
        raise RegistryError(1709, "Invalid agent key: 64 letters and digits")
    if not may_register(register_ip):
        raise RegistryError(1706, "There is an agent with the same IP or the IP is invalid")


def _key_line(agent: Agent) -> list[str]:
    return [agent.id, agent.name, agent.register_ip, agent.key]


def _read_key_line(line: str) -> list[str] | None:
    """Id, name, address and key; None where the line holds no agent, which the real manager passes over too."""
    fields = line.split(" ")
    try:
        id, name, register_ip, key = fields
        _check(name, id, key, register_ip)
    except (ValueError, RegistryError):
        return None
    return fields

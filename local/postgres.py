"""A private Postgres server for one run of tests or of the bench, from the machine's own binaries."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

START_SECONDS = 60
CLOSED = ("listen_addresses=", "max_connections=120")
# Durability is worth nothing to tests: the server and its files end with the run. What a test writes is rolled back, so
# that statistics would be of empty tables, and have the statements of the next test planned for no rows.
FAST = (*CLOSED, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
# Ends the server when the pipe closes, so also when the tests are killed.
GUARD = """
"$@" >"$DIRECTORY/log" 2>&1 </dev/null &
cat >/dev/null
kill -QUIT "$(head -n 1 "$DIRECTORY/data/postmaster.pid")" 2>/dev/null
wait
rm -rf "$DIRECTORY"
"""


class PostgresMissing(RuntimeError):
    """There are no server binaries on this machine."""


class Cluster:
    """One server with a superuser ``postgres`` and trusted local connections over a unix socket.

    Args:
        options: its settings.
        parent: where its folder is made; the system's place for such folders by default.
    """

    def __init__(self, options: Sequence[str] = FAST, parent: Path | None = None) -> None:
        self.options = options
        self.directory = Path(tempfile.mkdtemp(prefix="garrison-pg-", dir=parent))
        self.guard: subprocess.Popen[bytes] | None = None

    def start(self) -> "Cluster":
        """Makes and starts the server; returns when it answers."""
        binaries = find_binaries()
        # Postgres refuses to run as root.
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if as_user:
            shutil.chown(self.directory, "postgres", "postgres")
        self.directory.chmod(0o755)
        data = str(self.directory / "data")
        initdb = [
            str(binaries / "initdb"),
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run([*as_user, *initdb, "--no-sync"], check=True, capture_output=True, cwd="/")
        options = [part for option in self.options for part in ("-c", option)]
        server = [*as_user, str(binaries / "postgres"), "-D", data, "-k", str(self.directory), *options]
        self.guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", *server],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "DIRECTORY": str(self.directory)},
        )
        self._wait()
        return self

    def stop(self) -> None:
        """Ends the server and removes its files."""
        if self.guard and self.guard.stdin:
            self.guard.stdin.close()
            self.guard.wait(timeout=30)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(admin_dsn(self.directory)).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


def admin_dsn(directory: Path | str, database: str = "postgres") -> str:
    """Returns the superuser's connection."""
    return f"host={directory} user=postgres dbname={database}"


def find_binaries() -> Path:
    """Returns the folder of the newest server on this machine. Raises: PostgresMissing."""
    homes = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql*/bin")]
    found = [home for home in homes if (home / "initdb").exists() and (home / "postgres").exists()]
    on_path = shutil.which("postgres")
    if on_path and not found:
        return Path(on_path).resolve().parent
    if not found:
        raise PostgresMissing("No Postgres server found: install it (Debian, Ubuntu: apt-get install postgresql).")
    return max(found, key=lambda home: int("".join(filter(str.isdigit, home.parent.name)) or 0))

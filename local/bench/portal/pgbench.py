"""Runs statements in pgbench, which comes with Postgres and does nothing but send them."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local.postgres import find_binaries

RATE = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
ACTOR = "SELECT set_config('app.actor'"


def script_of(statements: Sequence[str]) -> str:
    """A script of pgbench: one statement a line."""
    return "".join(f"{' '.join(statement.split())};\n" for statement in statements)


def of_page(statements: Sequence[str], limit: int) -> list[str]:
    """Of a request's statements the one that reads the page's rows, in a transaction as whoever it was read as.

    Args:
        limit: rows of the page; the portal reads one more, to know whether another page follows.
    """
    (page,) = [number for number, each in enumerate(statements) if each.endswith(f"LIMIT {limit + 1}")]
    actor = [each for each in statements[:page] if each.startswith(ACTOR)][-1]
    return ["BEGIN", actor, statements[page], "COMMIT"]


def rate(script: Path, server: Path, database: str, *, clients: int, count: int) -> float:
    """How often a second the script ran, as the role `app`.

    Args:
        script: a file that `script_of` filled.
        server: the folder of the server's socket.
        count: how often in all.
    """
    how = ["--no-vacuum", "--file", str(script), "--client", str(clients), "--transactions", str(count // clients)]
    argv = [str(find_binaries() / "pgbench"), *how, "--host", str(server), "--username", "app", database]
    return read_rate(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def read_rate(told: str) -> float:
    """The rate that pgbench told. Raises: ValueError where it told none."""
    found = RATE.search(told)
    if found is None:
        raise ValueError(f"pgbench told no rate: {told[-500:]}")
    return float(found[1])

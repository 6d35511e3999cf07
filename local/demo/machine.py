"""A machine that is watched: an agent process of its own, and a log file it reports."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from local.agent.lines import syslog_line
from local.stack.handle import wait_for
from local.stack.keys import write_private
from local.stack.layout import REPOSITORY, Layout

CONNECTED = re.compile(r"^connected agent=(\S+)", re.MULTILINE)


class Machine:
    """Runs `python -m local.agent` while the context is open.

    Args:
        layout: the stack it reports to.
        token: the enrollment token's text; the agent reads it from a private file.
        name: of the agent.
    """

    def __init__(self, layout: Layout, token: str, name: str) -> None:
        self.layout, self.name = layout, name
        self.folder = Path(tempfile.mkdtemp(prefix="machine-", dir=layout.root))
        self.log_file = self.folder / "auth.log"
        self.output = self.folder / "agent.out"
        write_private(self.folder / "token", token)

    def __enter__(self) -> Self:
        where = ("--edge", self.layout.edge, "--token-file", str(self.folder / "token"))
        own = ("--name", self.name, "--state", str(self.folder), "--log-file", str(self.log_file))
        command = [sys.executable, "-m", "local.agent", *where, *own]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=output, stderr=output
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.process.stdin:
            self.process.stdin.close()

    def stop(self) -> None:
        """The agent ends; the machine and its log stay."""
        self.process.terminate()
        self.process.wait(10)

    def connected(self, seconds: float = 30) -> str:
        """Waits until the manager acknowledged the agent and returns its number."""
        return wait_for(self._number, f"agent {self.name}", seconds)

    def connections(self) -> int:
        """How often the manager has acknowledged the agent so far."""
        return len(CONNECTED.findall(self.output.read_text(errors="replace")))

    def log(self, message: str) -> None:
        """Something happens on the machine: a line of sshd's in its log."""
        with self.log_file.open("a") as file:
            file.write(syslog_line(message) + "\n")

    def _number(self) -> str:
        said = self.output.read_text(errors="replace")
        if self.process.poll() is not None:
            raise RuntimeError(f"The agent ended: {said}")
        found = CONNECTED.search(said)
        return found.group(1) if found else ""

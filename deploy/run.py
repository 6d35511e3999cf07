"""Does a plan's steps, one after the other, and stops at the first that fails."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy import doors
from deploy.configuration import REPOSITORY
from deploy.plan import Step
from deploy.vault import Curtain

# What a program may see of this process's environment: the portal's secrets are nothing for wrangler.
SEEN_BY_WRANGLER = ("PATH", "HOME", "CLOUDFLARE_API_TOKEN", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS")
QUIET = {"CI": "1", "WRANGLER_SEND_METRICS": "false", "NO_COLOR": "1"}
# What else no program may get printed.
HIDDEN = (
    "CLOUDFLARE_API_TOKEN",
    "DATABASE_URL",
    "REDIS_URL",
    "GARRISON_SECRET_KEY",
    "GARRISON_AUDIT_KEY",
    "GARRISON_FIELD_KEYS",
)
COMMAND_SECONDS = 900
READY_SECONDS = 120.0
READY_PAUSE = 2.0
LAST_LINES = 20


class Failed(Exception):
    """A step did not do what it is for; the text is for the operator."""


@dataclass
class Runner:
    """Args: secrets: the Worker's, by name; manage: Django's command; say: takes each line that is printed."""

    secrets: Mapping[str, str]
    manage: Path = REPOSITORY / "manage.py"
    say: Callable[[str], None] = print
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        hidden = {name: os.environ[name] for name in HIDDEN if os.environ.get(name)}
        self._curtain = Curtain({**hidden, **self.secrets})
        self._do: dict[str, Callable[[Step], str]] = {
            "write": self._write,
            "wrangler": self._wrangler,
            "manage": self._manage,
            "migrations": self._migrations,
            "ready": self._ready,
            "door": self._door,
        }

    def run(self, steps: list[Step]) -> bool:
        """Whether all steps were done."""
        for number, step in enumerate(steps, 1):
            self.say(f"[{number}/{len(steps)}] {step.name} …")
            try:
                result = self._do[step.kind](step)
            except (Failed, OSError) as error:
                self._tell_failure(steps, number, step, error)
                return False
            self.say(f"      {self._curtain.over(result)}")
        self.say("Done. All of it may be run again.")
        return True

    def _tell_failure(self, steps: list[Step], number: int, step: Step, error: Exception) -> None:
        done = ", ".join(step.name for step in steps[: number - 1]) or "nothing"
        self.say(self._curtain.over(f"      failed: {error}"))
        self.say(f"Done so far: {done}.")
        self.say(f"Not done: {', '.join(step.name for step in steps[number - 1 :])}.")
        self.say(f"{step.if_it_fails} Then run the same command again: what is done stays as it is.")

    def _write(self, step: Step) -> str:
        assert step.writes
        step.writes.parent.mkdir(parents=True, exist_ok=True)
        unchanged = step.writes.exists() and step.writes.read_text() == step.content
        step.writes.write_text(step.content)
        return f"{'unchanged' if unchanged else 'written'}: {step.writes}"

    def _wrangler(self, step: Step) -> str:
        return _last_line(self._command(["wrangler", *step.arguments], self._input_of(step), _seen_by_wrangler()))

    def _manage(self, step: Step) -> str:
        command = [sys.executable, str(self.manage), *step.arguments]
        return _last_line(self._command(command, None, dict(os.environ)))

    def _migrations(self, step: Step) -> str:
        printed = self._command(["wrangler", *step.arguments], None, _seen_by_wrangler())
        try:
            rows = json.loads(printed[printed.index("[") :])[0]["results"]
            names = [str(row["name"]) for row in rows]
        except (ValueError, LookupError, TypeError) as error:
            raise Failed("wrangler did not print the migrations as JSON") from error
        missing = [name for name in step.expects if name not in names]
        if missing:
            raise Failed(f"not applied: {', '.join(missing)}")
        return f"{len(names)} applied"

    def _ready(self, step: Step) -> str:
        """A new route takes a while until it is known everywhere."""
        cell, runtime = step.expects
        deadline = time.monotonic() + READY_SECONDS
        while True:
            found = doors.readiness(step.arguments[0])
            if found.get("status") == "ok":
                break
            if time.monotonic() >= deadline:
                raise Failed(f"{step.arguments[0]}/readyz: {found.get('message', 'no answer')}")
            self.pause(READY_PAUSE)
        if (found.get("cell"), found.get("runtime")) != (cell, runtime):
            raise Failed(f"another deployment answers: cell {found.get('cell')}, runtime {found.get('runtime')}")
        return f"cell {cell}, runtime {runtime}"

    def _door(self, step: Step) -> str:
        try:
            listed = doors.tenants(*step.arguments)
        except doors.Shut as error:
            raise Failed(str(error)) from error
        return f"open; the edge lists {listed} of the cell's tenants on its first page"

    def _input_of(self, step: Step) -> str | None:
        return json.dumps({name: self.secrets[name] for name in step.secrets}) if step.secrets else None

    def _command(self, command: list[str], given: str | None, variables: dict[str, str]) -> str:
        """What it printed. Secrets go in by standard input: arguments are everybody's to read."""
        try:
            ended = subprocess.run(
                command,
                input=given if given is not None else "",
                env=variables,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"no end after {COMMAND_SECONDS} seconds") from None
        if ended.returncode != 0:
            said = "\n".join((ended.stdout + ended.stderr).strip().splitlines()[-LAST_LINES:])
            raise Failed(f"exit status {ended.returncode}\n{said}")
        return ended.stdout


def _seen_by_wrangler() -> dict[str, str]:
    return {**{name: os.environ[name] for name in SEEN_BY_WRANGLER if name in os.environ}, **QUIET}


def _last_line(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return lines[-1] if lines else "done"

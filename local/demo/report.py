"""Runs the demo's steps in order and tells what each did and how long it took."""

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field


@dataclass
class StepResult:
    """One step of the demo: `detail` says what was seen, or why it failed."""

    name: str
    ok: bool
    seconds: float
    detail: str


@dataclass
class Report:
    """What the demo found.

    A failed step ends the demo, because later steps need what earlier ones made; those are told as not reached.
    """

    as_json: bool
    runtime: str = "unknown"
    steps: list[StepResult] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(step.ok for step in self.steps)

    def run(self, steps: dict[str, Callable[[], str]]) -> None:
        """Runs the steps; a step's answer is its detail, an exception fails it."""
        for name, step in steps.items():
            held = not self.steps or self.ok
            self._tell(self._try(name, step) if held else StepResult(name, False, 0, "not reached"))

    @contextlib.contextmanager
    def whatever_happens(self) -> Iterator[None]:
        """A stack that does not come up, or does not end, is a failed step too: a script always gets its answer."""
        began = time.monotonic()
        try:
            yield
        except Exception as problem:
            traceback.print_exc(file=sys.stderr)
            self._tell(StepResult("stack", False, round(time.monotonic() - began, 2), _said(problem)))

    def close(self) -> None:
        if self.as_json:
            steps = [asdict(step) for step in self.steps]
            print(json.dumps({"ok": self.ok, "runtime": self.runtime, "steps": steps}, indent=2))
        else:
            total = sum(step.seconds for step in self.steps)
            print(f"{'Every step holds' if self.ok else 'The demo failed'}: {total:.1f} s, nodes: {self.runtime}")

    def _try(self, name: str, step: Callable[[], str]) -> StepResult:
        began = time.monotonic()
        try:
            detail, ok = step(), True
        except Exception as problem:  # whatever went wrong is this step's result
            traceback.print_exc(file=sys.stderr)
            detail, ok = _said(problem), False
        return StepResult(name, ok, round(time.monotonic() - began, 2), detail)

    def _tell(self, step: StepResult) -> None:
        self.steps.append(step)
        if not self.as_json:
            print(f"{'ok  ' if step.ok else 'FAIL'} {step.name:<28} {step.seconds:6.2f} s  {step.detail}", flush=True)


def _said(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"

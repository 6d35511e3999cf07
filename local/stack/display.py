"""Shows how the parts of the stack come up: a live table on a terminal, plain lines for a script."""

import sys
import time
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

MARKS = {"waiting": "[dim]·[/]", "starting": "[blue]…[/]", "ready": "[green]✓[/]", "restarting": "[yellow]↻[/]"}


class Display(Protocol):
    """What the launcher tells a person."""

    def part(self, name: str, state: str, seconds: float) -> None: ...

    def line(self, text: str) -> None: ...

    def close(self) -> None: ...


class PlainDisplay:
    """One line an event, for logs and scripts."""

    def part(self, name: str, state: str, seconds: float) -> None:
        took = f" in {seconds:.1f} s" if state == "ready" else ""
        if state != "starting":
            self.line(f"{name}: {state}{took}")

    def line(self, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        pass


class TerminalDisplay:
    """A table that fills in place until everything is up; lines after that."""

    def __init__(self, names: list[str]) -> None:
        self.console = Console()
        self.states: dict[str, tuple[str, float]] = dict.fromkeys(names, ("waiting", 0.0))
        self.began = time.monotonic()
        self.live: Live | None = Live(self._table(), console=self.console, refresh_per_second=8)
        self.live.start()

    def part(self, name: str, state: str, seconds: float) -> None:
        if self.live is None:
            self.line(f"{name}: {state}")
            return
        self.states[name] = (state, seconds)
        self.live.update(self._table())
        if all(state == "ready" for state, _ in self.states.values()):
            self.close()

    def line(self, text: str) -> None:
        self.console.print(text, highlight=False)

    def close(self) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, (state, seconds) in self.states.items():
            table.add_row(
                MARKS[state], name, f"{state} [dim]{seconds:.1f} s[/]" if state == "ready" else f"[dim]{state}[/]"
            )
        table.add_row("", "", f"[dim]{time.monotonic() - self.began:.0f} s[/]")
        return table


def display_for(names: list[str]) -> Display:
    """The display that suits standard output."""
    return TerminalDisplay(names) if sys.stdout.isatty() else PlainDisplay()

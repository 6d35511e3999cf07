"""The table: what a measure aims at, and what its samples say about that."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from local.bench.pairs import Series

HEADINGS = ("id", "measure", "ours", "reference", "ratio", "spread", "goal", "met")


@dataclass(frozen=True)
class Goal:
    """A bound, of the ratio to a reference, or of our own figure where there is none."""

    bound: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def undecided(self, value: float, spread: float) -> bool:
        """Whether noise alone could make the difference between value and bound."""
        return abs(value / self.bound - 1) < spread

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` is null where a goal is about our own figure."""

    id: str
    measure: str
    unit: str
    ours: float
    reference: float | None
    against: str
    ratio: float | None
    spread: float
    goal: str
    met: bool
    note: str


@dataclass(frozen=True)
class Aim:
    """What one measure is to reach.

    Args:
        id: as the goals are numbered.
        measure: what is measured.
        unit: of the figures.
        goals: by the reference's name; "" is the goal of our own figure.
        note: what whoever reads a row must know, such as which side waits for the disk.
    """

    id: str
    measure: str
    unit: str
    goals: dict[str, Goal]
    note: str = ""

    def rows(self, series: Series) -> Iterator[Row]:
        """A row a goal."""
        for against, goal in self.goals.items():
            ratio = series.ratio(against) if against else None
            value = series.figure if ratio is None else ratio
            reference = series.reference(against) if against else None
            unclear = "nearer to the goal than samples to each other" if goal.undecided(value, series.spread) else ""
            yield Row(
                id=self.id,
                measure=self.measure,
                unit=self.unit,
                ours=series.figure,
                reference=reference,
                against=against,
                ratio=ratio,
                spread=series.spread,
                goal=f"{goal}{'×' if against else ''}",
                met=goal.met(value),
                note="; ".join(part for part in (self.note, unclear) if part),
            )


@dataclass
class Table:
    """The rows, printed as they come or as one object at the end."""

    as_json: bool
    rows: list[Row] = field(default_factory=list)

    def open(self) -> None:
        if not self.as_json:
            print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}", flush=True)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        if not self.as_json:
            print(f"| {' | '.join(cells(row))} |", flush=True)

    def close(self, machine: dict[str, Any]) -> None:
        if self.as_json:
            print(json.dumps({"machine": machine, "rows": [asdict(row) for row in self.rows]}, indent=2))
            return
        for note in dict.fromkeys(f"{row.id} {row.measure}: {row.note}" for row in self.rows if row.note):
            print(f"- {note}")
        print(", ".join(f"{name}: {value}" for name, value in machine.items()))


def cells(row: Row) -> tuple[str, ...]:
    """A row as text."""
    against = f"{shown(row.reference)} ({row.against})" if row.reference is not None else "–"
    ratio = "–" if row.ratio is None else f"{row.ratio:.2{'f' if row.ratio >= 0.1 else 'g'}}×"
    figures = (f"{shown(row.ours)} {row.unit}", against, ratio, f"± {row.spread:.0%}")
    return (row.id, row.measure, *figures, row.goal, "yes" if row.met else "no")


def shown(figure: float) -> str:
    """Three digits, which is more than such a machine can tell."""
    digits = f"{figure:.3g}"
    return f"{float(digits):,.0f}" if figure >= 100 else digits

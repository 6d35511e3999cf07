"""Which file of which level counts for a tenant. Pure: rows are read by `reading.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

Key = tuple[str, str]
"""Kind and name: what files of several levels take each other's place by."""


class Level(StrEnum):
    """Where a file is kept, from afar to near."""

    PROVIDER = "provider"
    ORGANIZATION = "organization"
    TENANT = "tenant"


@dataclass(frozen=True)
class Source:
    """Whose a file is. `name` is what people call the provider, the organization or the tenant."""

    level: Level
    id: str
    name: str


@dataclass(frozen=True)
class Given:
    """One file at one level, in its newest version; without a `sha256` it leaves out what is inherited."""

    kind: str
    name: str
    file_id: str
    number: int
    sha256: str
    text: str | None = None

    @property
    def key(self) -> Key:
        """What it takes the place of, and what takes its place."""
        return self.kind, self.name


@dataclass(frozen=True)
class Layer:
    """All files of one level."""

    source: Source
    files: Sequence[Given]


@dataclass(frozen=True)
class Effective:
    """
    What counts for a tenant under one kind and name.

    `over` are the sources whose file does not count because this one is nearer, the nearest first.
    """

    given: Given
    source: Source
    over: tuple[Source, ...] = ()

    @property
    def left_out(self) -> bool:
        """Whether the nearest level says that there is no such file."""
        return not self.given.sha256


def effective(layers: Iterable[Layer]) -> list[Effective]:
    """
    What counts of several levels, by kind and name. Left out ones are among it, so that they can be told.

    Args:
        layers: from afar to near; of two files with the same kind and name the nearer counts.
    """
    found: dict[Key, Effective] = {}
    for layer in layers:
        for given in layer.files:
            before = found.get(given.key)
            over = (before.source, *before.over) if before else ()
            found[given.key] = Effective(given, layer.source, over)
    # What leaves out something that nobody hands down any more says nothing.
    told = [each for each in found.values() if each.over or not each.left_out]
    return sorted(told, key=lambda each: each.given.key)


def in_use(found: Iterable[Effective]) -> list[Effective]:
    """What of it becomes part of the bundle."""
    return [each for each in found if not each.left_out]

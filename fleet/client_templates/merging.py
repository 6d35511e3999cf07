"""What counts of a chain of templates and of what a client has otherwise. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from controlplane.problems import Invalid

DEEPEST = 5
"""Templates above each other, the lowest included."""
OF_CLIENT = "client"
"""Where something comes from that a client has otherwise than its template."""
ABSENT: Any = object()
"""What a version says of a setting that it neither asks for nor leaves open."""

type Layer = tuple[str, Mapping[str, Any]]
"""Where it comes from, and its settings: key to what is wanted; None leaves open what those above ask for."""


@dataclass(frozen=True)
class Chosen:
    """What is wanted of one setting, and where that comes from: a template's id, or `OF_CLIENT`."""

    value: Any
    source: str


class Node(Protocol):
    """What a template is to the chain."""

    @property
    def pk(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...


class Asking(Node, Protocol):
    """The same with what it asks for."""

    @property
    def settings(self) -> Mapping[str, Any]: ...


def merged(layers: Iterable[Layer]) -> dict[str, Chosen]:
    """What counts of several layers, by key. Args: layers: from afar to near; the nearer counts."""
    found: dict[str, Chosen] = {}
    for source, settings in layers:
        found |= {key: Chosen(value, source) for key, value in settings.items()}
    return {key: chosen for key, chosen in found.items() if chosen.value is not None}


def chain[T: Node](templates: Mapping[str, T], lowest: str) -> list[T]:
    """
    A template with those that it inherits from, from afar to near.

    Raises Invalid for a circle, and for more than `DEEPEST`: so it ends, whatever the rows say.
    """
    found: list[T] = []
    step: str | None = lowest
    while step is not None:
        if step in {each.pk for each in found}:
            raise Invalid(
                "A template can't inherit from itself, nor through others. Nothing was changed.", field="parent"
            )
        if len(found) == DEEPEST:
            raise Invalid(f"At most {DEEPEST} templates stand above each other. Nothing was changed.", field="parent")
        found.insert(0, templates[step])
        step = templates[step].parent_id
    return found


def layers_of(templates: Mapping[str, Asking], lowest: str) -> list[Layer]:
    """The layers of a template with those that it inherits from. Raises Invalid as `chain` does."""
    return [(each.pk, each.settings) for each in chain(templates, lowest)]


def asked_for(templates: Mapping[str, Asking], lowest: str) -> dict[str, Chosen]:
    """What a template asks for, by key, with what it inherits."""
    return merged(layers_of(templates, lowest))


def below[T: Node](templates: Mapping[str, T], highest: str) -> list[T]:
    """A template and all that inherit from it, through others too."""
    return [each for each in templates.values() if highest in {above.pk for above in chain(templates, each.pk)}]


@dataclass(frozen=True)
class Change:
    """What one version of a template has otherwise than the one before."""

    key: str
    before: Any
    after: Any


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What differs between two sets of settings, by key."""
    pairs = ((key, before.get(key, ABSENT), after.get(key, ABSENT)) for key in sorted({*before, *after}))
    return [Change(*pair) for pair in pairs if pair[1] != pair[2]]

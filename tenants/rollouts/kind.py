"""One kind of thing that is brought to many tenants."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.actor import Actor
from controlplane.problems import Problem
from organizations.models import Organization
from tenants.protection.backups.models import Backup
from tenants.provisioning.models import Operation, Tenant

type Arguments = Mapping[str, Any]
type Asked = Operation | Backup | None


@dataclass(frozen=True)
class Outlook:
    """
    What bringing something to a tenant would come to.

    `has`: it has it already; `problem`: what keeps it from that; `restarts`: whether nodes restart, so that it may wait
    for a window; `words`: what would change, where the roll-out's name does not say it.
    """

    has: bool
    problem: Problem | None = None
    restarts: bool = True
    words: str = ""


@dataclass(frozen=True)
class Kind:
    """
    What is brought to tenants, and how.

    `title` names one by its arguments; `settle` makes of what an organization asked for the arguments that hold for the
    whole roll-out, and raises Invalid for what nobody can have; `ask` asks a tenant to take it (by whom, tenant, when,
    arguments) and returns what is followed to its end, one of `follows`, or None where it has it then; `has` says
    whether the tenant has it, and `outlook` what giving it that would come to, by whom, but for what is under way.

    `offers` are those that an organization may choose from, by value and words, and `argument` is the name of what is
    chosen, empty where there is but one. `reaches` are ids of the only organizations it is for, None for all. One that
    is `stepwise` may take several operations of a tenant: it is asked again until it has it.

    With `in_rings` it goes ring by ring and is held where tenants fail, and one of a kind is under way at a time.
    Without, every tenant is asked at once, and what each would say is tried beforehand. `confirmed`: whoever begins it
    has to prove that it is them. `can_wait`: for each tenant's maintenance window. `words` name the kind
    itself, `meanwhile` is what people notice.
    """

    title: Callable[[Arguments], str]
    settle: Callable[[Organization, Arguments], Arguments]
    ask: Callable[[Actor, Tenant, str, Arguments], Asked]
    has: Callable[[Tenant, Arguments], bool]
    outlook: Callable[[Actor, Tenant, Arguments], Outlook]
    offers: Callable[[Organization], Collection[tuple[str, str]]] = lambda _: ()
    argument: str = ""
    reaches: Callable[[Organization, Arguments], Collection[str] | None] = lambda *_: None
    stepwise: bool = False
    in_rings: bool = True
    confirmed: bool = False
    can_wait: bool = False
    follows: type[Operation] | type[Backup] = Operation
    words: str = ""
    meanwhile: str = ""

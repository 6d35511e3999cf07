"""One kind of thing that is brought to many tenants."""

from collections.abc import Callable, Mapping
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
class Kind:
    """
    What is brought to tenants, and how.

    `title` names one by its arguments; `settle` makes of what an organization asked for the arguments that hold for the
    whole roll-out, and raises Invalid for what nobody can have; `ask` asks a tenant to take it (by whom, tenant, when,
    arguments) and returns what is followed to its end, one of `follows`, or None where it has it then; `has` says
    whether the tenant has it; `why_not` what else keeps it from that, but for what is under way.

    With `in_rings` it goes ring by ring and is held where tenants fail, and one of a kind is under way at a time.
    Without, every tenant is asked at once, and what each would say is tried beforehand. `confirmed`: whoever begins it
    has to prove that it is them. `can_wait`: for each tenant's maintenance window. `meanwhile` is what people notice.
    """

    title: Callable[[Arguments], str]
    settle: Callable[[Organization, Arguments], Arguments]
    ask: Callable[[Actor, Tenant, str, Arguments], Asked]
    has: Callable[[Tenant, Arguments], bool]
    why_not: Callable[[Tenant, Arguments], Problem | None]
    in_rings: bool = True
    confirmed: bool = False
    can_wait: bool = False
    follows: type[Operation] | type[Backup] = Operation
    meanwhile: str = ""

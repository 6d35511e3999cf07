"""What a client that is brought in is to have, checked as a whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.problems import FieldError, Invalid
from fleet.client_templates.models import ClientTemplate
from organizations import external_ids
from organizations.actions.founding import checked_jurisdiction, checked_name
from organizations.actions.grants import checked_ceiling
from organizations.addresses import checked_address
from tenants.provisioning.specs import check_name

MOST_ADMINISTRATORS = 10


@dataclass(frozen=True)
class Wanted:
    """
    One client.

    `template` is an id, empty for none; `tenant` is a name, empty where none is to be made yet; `administrators` are
    addresses of the client's own people. Without a `role_ceiling` the MSP keeps what the template asks for, else admin.
    """

    name: str
    external_id: str = ""
    jurisdiction: str = ""
    template: str = ""
    tenant: str = ""
    administrators: tuple[str, ...] = field(default=())
    role_ceiling: str = ""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Wanted":
        """What `as_json` said."""
        return cls(**{**given, "administrators": tuple(given["administrators"])})

    def as_json(self) -> dict[str, Any]:
        """How rows keep it."""
        return {**vars(self), "administrators": list(self.administrators)}


def faults(wanted: Wanted, templates: Mapping[str, ClientTemplate]) -> Iterator[FieldError]:
    """
    What is wrong with it, each at its field. Args: templates: the MSP's, by id.

    Whether an id or a name is free, and what a plan holds, shows only when it is made.
    """
    checks = {
        "name": lambda: checked_name(wanted.name),
        "external_id": lambda: external_ids.checked(wanted.external_id),
        "jurisdiction": lambda: checked_jurisdiction(wanted.jurisdiction),
        "tenant": lambda: wanted.tenant and check_name(wanted.tenant),
        "role_ceiling": lambda: wanted.role_ceiling and checked_ceiling(wanted.role_ceiling),
        "administrators": lambda: [checked_address(each) for each in wanted.administrators],
    }
    for name, check in checks.items():
        try:
            check()
        except Invalid as problem:
            yield FieldError(name, problem.detail)
    if wanted.template and wanted.template not in templates:
        yield FieldError("template", "There is no such template.")
    if len(wanted.administrators) > MOST_ADMINISTRATORS:
        yield FieldError("administrators", f"At most {MOST_ADMINISTRATORS} are invited at once.")

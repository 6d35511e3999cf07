"""What of a report somebody reads: clients and tables that they see now; what is not shown is said."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.actor import Actor
from fleet.reports.making import Figures, able, reached
from organizations.models import Organization

NOT_YOURS = "Your role does not include these figures."
NOT_BY_LINK = "Whoever made this link does not see these figures."

Hidden = dict[str, list[str]]
"""Client → parts of its tables that are not shown."""


def for_reader(actor: Actor, organization: Organization, made: Figures) -> Figures:
    """
    Figures without clients and tables that whoever reads does not see now, so that no report shows more than pages do.

    An API key that is limited to some tenants reads of nobody: the figures are of all of a client's.
    """
    seen = {each.pk for each in reached(actor, organization)} if actor.tenant_ids is None else set()
    theirs = {**made, "clients": [each for each in made["clients"] if each["id"] in seen]}
    return without(theirs, hidden_from(actor, theirs), NOT_YOURS)


def sees_all(actor: Actor, organization: Organization, made: Figures) -> bool:
    """Whether somebody sees every client that a report tells of."""
    return len(for_reader(actor, organization, made)["clients"]) == len(made["clients"])


def hidden_from(actor: Actor, made: Figures) -> Hidden:
    """Tables whose permission somebody lacks at their client."""
    parts = {table["part"] for client in made["clients"] for table in client["tables"]}
    ids = [client["id"] for client in made["clients"]]
    seen = able(actor, ids, parts)
    hidden = {each["id"]: [part for part in _parts(each) if each["id"] not in seen[part]] for each in made["clients"]}
    return {client: unseen for client, unseen in hidden.items() if unseen}


def without(made: Figures, hidden: Mapping[str, Sequence[str]], why: str) -> Figures:
    """Figures without the rows of some tables. Args: why: words that stand in their place."""
    return {**made, "clients": [_without(each, hidden.get(each["id"], ()), why) for each in made["clients"]]}


def _without(client: dict[str, Any], parts: Sequence[str], why: str) -> dict[str, Any]:
    nothing = {"rows": [], "note": "", "left_out": 0}
    tables = [
        {**table, **nothing, "hidden": table["hidden"] or why} if table["part"] in parts else table
        for table in client["tables"]
    ]
    return {**client, "tables": tables}


def _parts(client: Mapping[str, Any]) -> list[str]:
    return [table["part"] for table in client["tables"]]

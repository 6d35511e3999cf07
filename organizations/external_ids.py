"""
External ids: what a provisioning tool calls a thing of ours, so that it finds again what it has made.

Each numbering belongs to one organization: an MSP that works in a client numbers by its own, in which an id is used
once over all its clients.
"""

from controlplane.problems import Conflict, Invalid
from organizations.standings import Standing

LONGEST = 128


class ExternalIdTaken(Conflict):
    """Something else has the id in the same numbering."""

    def __init__(self, external_id: str) -> None:
        super().__init__(
            f"The external id {external_id} is in use already. Nothing was changed.",
            code="EXTERNAL_ID_TAKEN",
            field="external_id",
            hint="Look for what has it (`?external_id=`), or choose another one.",
        )


def checked(external_id: str) -> str:
    """An external id, empty for none. Raises Invalid for one that could not be sent in an address as it is."""
    if len(external_id) > LONGEST or not all("!" <= character <= "~" for character in external_id):
        raise Invalid(f"An external id has at most {LONGEST} visible ASCII characters.", field="external_id")
    return external_id


def numbering_of(standing: Standing) -> str:
    """The organization in whose numbering somebody gives ids: the MSP for which they are here, or this one itself."""
    return standing.msp_id or standing.organization_id

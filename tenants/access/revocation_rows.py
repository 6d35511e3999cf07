"""Ended access ready to be read: whose, since when, and whether the edge has confirmed it."""

from collections.abc import Mapping
from typing import Any

from controlplane.marks import Mark
from tenants.access.models import Revocation

PENDING = Mark("attention", "clock", "Pending at the edge")
CONFIRMED = Mark("ok", "circle-check", "Confirmed")

# what the edge goes by → whose access that is; a person is named instead
WHOSE = {
    "grant": "Everybody of the service provider",
    "connection": "Everybody who came by one sign-in connection",
    "organization": "Everybody, because what the organization demands has changed",
    "session": "One session or API key",
}


def revocation_row(revocation: Revocation, names: Mapping[str, str]) -> dict[str, Any]:
    """One line of the list."""
    ((term, value),) = revocation.terms.items()
    return {
        "id": revocation.pk,
        "whose": WHOSE.get(term) or names.get(value) or "Somebody who has left",
        "value": value,
        "mark": PENDING if revocation.pending else CONFIRMED,
        "pending": revocation.pending,
        "closed": revocation.closed,
        "at": revocation.created_at,
        "acknowledged_at": revocation.acknowledged_at,
    }

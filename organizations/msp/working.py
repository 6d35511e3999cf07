"""
Under which grant a session works in a client, as its person chose.

A session of an MSP's person does nothing inside a client before they have said that they work there now. So each page
can say whom they act for, a form left open in another client's page does nothing in the wrong one, and the audit names
person, MSP and grant. An API key says by being the MSP's whom it acts for.
"""

import time
from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request

from controlplane.actor import Actor
from controlplane.problems import Forbidden

KEY = "working"
LASTS_SECONDS = 8 * 3600
"""As long as what is opened at the edge; then the choice is made anew."""


class NotWorkingThere(Forbidden):
    """The person may, but has not chosen to work in that client. Pages lead to the choice."""

    def __init__(self, organization_id: str) -> None:
        super().__init__(
            "You can work here for your service provider, and this session has not chosen to. Nothing was changed.",
            hint="Open the client in the portal, choose to work in it, and do it again.",
            code="CHOOSE_CLIENT",
        )
        self.organization_id = organization_id


type Preference = tuple[bool, bool, tuple[int, list[str]]]


def must_choose(actor: Actor, grant_id: str | None) -> bool:
    """Whether a session stands by a grant that it has not chosen to work under. Keys and the system have no session."""
    if grant_id is None or actor.proofs is None:
        return False
    return actor.working is None or actor.working[0] != grant_id


def preference(actor: Actor, grant_id: str | None, permissions: frozenset[str]) -> Preference:
    """
    Orders several ways in which somebody stands in one organization.

    First the one that the session works under, then what needs no choice, then what can do most (see `most_able`).
    """
    chosen = actor.working is not None and actor.working[0] == grant_id
    return chosen, not must_choose(actor, grant_id), most_able(permissions)


def most_able(permissions: frozenset[str]) -> tuple[int, list[str]]:
    """Orders what ways allow: the more permissions, the better. Of equally many, names decide, so that one does."""
    return len(permissions), sorted(permissions)


def begin(request: HttpRequest | Request, *, grant_id: str, msp_id: str) -> None:
    """Keep the choice in the session."""
    request.session[KEY] = {"grant": grant_id, "msp": msp_id, "at": int(time.time())}


def leave(request: HttpRequest) -> None:
    """Forget it."""
    request.session.pop(KEY, None)


def working_of(request: HttpRequest) -> tuple[str, str] | None:
    """Grant and MSP that the session chose lately. Whether the grant stands, is asked at each use."""
    kept: dict[str, Any] = request.session.get(KEY) or {}
    fresh = time.time() - kept.get("at", 0) < LASTS_SECONDS
    return (kept["grant"], kept["msp"]) if kept and fresh else None

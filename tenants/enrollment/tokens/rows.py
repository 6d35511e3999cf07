"""Tokens ready to be read: plain values and marks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.marks import Mark
from tenants.enrollment.marks import TOKEN
from tenants.enrollment.models import EnrollmentToken, TokenUse
from tenants.enrollment.tokens.states import STATES


@dataclass(frozen=True)
class EdgeNote:
    """That the edge has not confirmed what is shown: few words for a list, more for a page; whether that may pass."""

    mark: Mark
    words: str
    more: str
    passes: bool = True


UNCONFIRMED = {
    "new": EdgeNote(
        Mark("working", "clock", "Pending"),
        "pending at the edge",
        "The edge has not confirmed this token yet. It lets machines in as soon as that has happened; we keep trying.",
    ),
    "ending": EdgeNote(
        Mark("working", "clock", "Pending"),
        "end pending at the edge",
        "The edge has not confirmed yet when this token ends. We keep trying until it has.",
    ),
    "revoked": EdgeNote(
        Mark("attention", "clock", "Pending"),
        "revocation pending at the edge",
        "The edge has not confirmed the revocation yet, so this token may still let machines in. We keep trying until"
        " it has.",
    ),
}


def edge_note(token: EnrollmentToken) -> EdgeNote | None:
    """What is yet to be confirmed, or was refused for good; None where the edge has what is shown."""
    if token.edge_error is not None:
        more = f"The edge did not take this token: {token.edge_error['message']} No machine can join with it."
        return EdgeNote(Mark("failed", "circle-x", "Refused"), "refused by the edge", more, passes=False)
    ending = "revoked" if token.state == "revoked" else "ending"
    return UNCONFIRMED[ending if token.revoked_at else "new"] if token.pending else None


def token_row(token: EnrollmentToken, names: Mapping[str, str]) -> dict[str, Any]:
    """One token; its secret is not known to anybody."""
    return {
        "id": token.pk,
        "name": token.name,
        "mark": TOKEN[token.state],
        "usable": token.state == "active" and token.edge_error is None,
        "edge_note": edge_note(token),
        "left": token.remaining,
        "max_uses": token.max_uses,
        "ends_at": token.ends_at,
        "ends_early": token.ends_early,
        "expires_at": token.expires_at,
        "replaces": token.replaces,
        "replaced_by": getattr(token, "replaced_by", None),
        "site": token.site,
        "created_at": token.created_at,
        "groups": token.groups,
        "labels": token.labels,
        "last_used_at": token.last_used_at,
        "last_agent": token.last_used_by,
        "last_address": token.last_used_from,
        "created_by": names.get(token.created_by, "–"),
    }


def use_row(use: TokenUse) -> dict[str, Any]:
    """That an agent joined."""
    return {"number": use.agent_number, "name": use.agent_name, "address": use.address, "at": use.used_at}


def chips(wanted: str) -> list[dict[str, object]]:
    """The states that a list of tokens can be narrowed to."""
    offered = [("", "All"), *((state, TOKEN[state].word) for state in STATES)]
    return [
        {"label": label, "url": f"?state={state}" if state else "?", "current": state == wanted}
        for state, label in offered
    ]

"""Boards ready to be read on pages: marks instead of words, days as a drawing."""

from collections.abc import Iterable
from typing import Any

from tenants.status.board import Board
from tenants.status.drawing import row_of_days
from tenants.status.marks import STAGE, UNKNOWN, WHOLE, state_of


def platform_page(told: Board) -> dict[str, Any]:
    """Context of the platform's page."""
    groups = [
        {"name": group["name"], "components": [_component(each) for each in group["components"]]}
        for group in told["groups"]
    ]
    return {"name": told["name"], "mark": WHOLE[told["state"]], "as_of": told["as_of"], "groups": groups, **_said(told)}


def tenant_page(told: Board) -> dict[str, Any]:
    """Context of a tenant's page."""
    return {
        "board": told,
        "mark": state_of(told["state"]),
        "drawing": row_of_days(told["days"], told["up"]),
        "edge": [{**each, "mark": state_of(each["state"])} for each in told["edge"]],
        "changes": [{**each, "mark": state_of(each["state"])} for each in told["changes"]],
        **_said(told),
    }


def incident(row: Board) -> Board:
    """One incident with the looks of its stage and updates."""
    updates = [{**each, "mark": STAGE.get(each["state"], UNKNOWN)} for each in row["updates"]]
    return {**row, "mark": STAGE.get(row["stage"], UNKNOWN), "updates": updates}


def _said(told: Board) -> dict[str, list[Board]]:
    return {part: _incidents(told[part]) for part in ("open", "ahead", "past")}


def _incidents(listed: Iterable[Board]) -> list[Board]:
    return [incident(each) for each in listed]


def _component(row: Board) -> Board:
    return {**row, "mark": state_of(row["state"]), "drawing": row_of_days(row["days"], row["up"])}

"""HTML made of function calls: text is escaped unless it is markup already."""

import html
from collections.abc import Iterable

VOID = {"input", "link", "meta", "br", "hr", "img"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def text(child: Child) -> str:
    """A child as HTML."""
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str | int):
        return html.escape(str(child))
    return "".join(text(inner) for inner in child)


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element. Attributes: `class_` becomes class, `_` becomes "-"; None and False leave one out."""
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{text(children)}</{name}>")

"""
Filters (RFC 7644 §3.4.2.2): read into a small tree, and asked of one resource at a time.

The same tree serves lists and the brackets of a PATCH path. Everything is bounded: the attack is a filter that is deep
or long enough to stop the process.
"""

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from organizations.scim.attributes import Attribute, named
from organizations.scim.errors import ScimProblem

LONGEST_FILTER = 2000
DEEPEST = 10
MOST_TERMS = 50

_TOKEN = re.compile(
    r'\s*(?:(?P<bracket>[()\[\]])|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))'
    r"|(?P<word>[A-Za-z$][\w$.:-]*))"
)
_VALUES = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Term:
    """`path operator value`. The path is lower case and without a schema; `pr` has no value."""

    path: tuple[str, ...]
    operator: str
    value: Any = None


@dataclass(frozen=True)
class Both:
    """`and`, `or`."""

    word: str
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True)
class Negated:
    """`not (…)`."""

    inner: "Filter"


@dataclass(frozen=True)
class Within:
    """`path[…]`: one and the same value of a multi-valued attribute fulfils all of it."""

    path: tuple[str, ...]
    inner: "Filter"


type Filter = Term | Both | Negated | Within


def parsed(text: str) -> Filter:
    """A filter's tree. Raises ScimProblem of the type `invalidFilter`."""
    reader = _Reader(text)
    found = reader.either(0)
    if reader.peek()[0]:
        raise wrong(f"it goes on where it should end, at “{reader.peek()[1][:40]}”.")
    return found


def path_of(name: str) -> tuple[str, ...]:
    """`urn:…:User:name.givenName` → ("name", "givenname")."""
    plain = name.rpartition(":")[2] if name.lower().startswith("urn:") else name
    parts = tuple(plain.casefold().split("."))
    if not all(parts) or len(parts) > 2:
        raise wrong(f"“{name[:80]}” is no attribute.")
    return parts


def wrong(what: str) -> ScimProblem:
    """The refusal of a filter."""
    return ScimProblem("invalidFilter", f"This filter can't be read: {what}")


class _Reader:
    """Reads tokens from left to right. `or` binds least, then `and`, then `not` and brackets."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_FILTER:
            raise wrong(f"it is longer than {LONGEST_FILTER} characters.")
        self.tokens = list(_tokens(text))
        self.at = 0
        self.terms = 0

    def peek(self) -> tuple[str, str]:
        """Kind and text of the next token; empty at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def take(self, kind: str, *, text: str = "") -> str:
        """The next token, which must be of a kind."""
        found = self.peek()
        if found[0] != kind or (text and found[1] != text):
            raise wrong(f"“{found[1][:40] or 'the end'}” stands where {text or kind} should.")
        self.at += 1
        return found[1]

    def says(self, word: str) -> bool:
        """Whether the next token is the word; it is taken then."""
        kind, text = self.peek()
        if kind == "word" and text.lower() == word:
            self.at += 1
            return True
        return False

    def either(self, depth: int) -> Filter:
        if depth > DEEPEST:
            raise wrong("it is nested too deeply.")
        left = self.all_of(depth)
        while self.says("or"):
            left = Both("or", left, self.all_of(depth))
        return left

    def all_of(self, depth: int) -> Filter:
        left = self.one(depth)
        while self.says("and"):
            left = Both("and", left, self.one(depth))
        return left

    def one(self, depth: int) -> Filter:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise wrong(f"it has more than {MOST_TERMS} terms.")
        negated = self.says("not")
        if negated or self.peek() == ("bracket", "("):
            self.take("bracket", text="(")
            inner = self.either(depth + 1)
            self.take("bracket", text=")")
            return Negated(inner) if negated else inner
        path = path_of(self.take("word"))
        if self.peek() == ("bracket", "["):
            self.take("bracket", text="[")
            inner = self.either(depth + 1)
            self.take("bracket", text="]")
            return Within(path, inner)
        return self.comparison(path)

    def comparison(self, path: tuple[str, ...]) -> Term:
        word = self.take("word").lower()
        if word == "pr":
            return Term(path, word)
        if word not in COMPARISONS:
            raise wrong(f"“{word[:40]}” is no operator: {', '.join(COMPARISONS)}, pr.")
        return Term(path, word, self.value())

    def value(self) -> Any:
        kind, text = self.peek()
        self.at += 1
        if kind == "text":
            return _text(text)
        if kind == "number":
            return float(text)
        if kind == "word" and text.lower() in _VALUES:
            return _VALUES[text.lower()]
        raise wrong(f"“{text[:40] or 'the end'}” stands where a value should: texts stand in double quotes.")


def _tokens(text: str) -> Iterable[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if text[at:].strip():
                raise wrong(f"“{text[at : at + 40].strip()}” can't be understood.")
            return
        kind = str(match.lastgroup)
        yield kind, match[kind]
        at = match.end()


def _text(token: str) -> str:
    try:
        return str(json.loads(token))
    except ValueError as error:
        raise wrong(f"{token[:40]} is no text.") from error


def matches(found: Filter, resource: Mapping[str, Any], attributes: Iterable[Attribute]) -> bool:
    """Whether a resource fulfils the filter. Args: attributes: the schema, which tells how values are compared."""
    known = tuple(attributes)
    if isinstance(found, Both):
        left = matches(found.left, resource, known)
        if left == (found.word == "or"):
            return left
        return matches(found.right, resource, known)
    if isinstance(found, Negated):
        return not matches(found.inner, resource, known)
    if isinstance(found, Within):
        attribute = named(known, found.path[0])
        values = _as_list(resource.get(attribute.name)) if attribute and len(found.path) == 1 else []
        return any(matches(found.inner, value, attribute.parts) for value in values) if attribute else False
    return _fulfils(found, resource, known)


def _fulfils(term: Term, resource: Mapping[str, Any], attributes: tuple[Attribute, ...]) -> bool:
    attribute, values = _values(term.path, resource, attributes)
    if term.operator == "pr":
        return any(value not in ("", None, {}) for value in values)
    if term.operator == "ne":
        return not _fulfils(Term(term.path, "eq", term.value), resource, attributes)
    if term.value is None:
        return term.operator == "eq" and not values
    if attribute is None or attribute.type == "complex":
        return False
    wanted = _comparable(attribute, term.value)
    return any(COMPARISONS[term.operator](_comparable(attribute, value), wanted) for value in values)


def _values(
    path: tuple[str, ...], resource: Mapping[str, Any], attributes: tuple[Attribute, ...]
) -> tuple[Attribute | None, list[Any]]:
    """The attribute at the end of a path with its values; a multi-valued one stands for its `value`."""
    attribute = named(attributes, path[0])
    if attribute is None:
        return None, []
    values = _as_list(resource.get(attribute.name))
    if not attribute.parts:
        return (attribute, values) if len(path) == 1 else (None, [])
    part = attribute.part(path[1] if len(path) > 1 else "value")
    if part is None:
        return attribute, values if len(path) == 1 else []
    return part, [value[part.name] for value in values if part.name in value]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _comparable(attribute: Attribute, value: Any) -> Any:
    """A value in the form in which its attribute compares."""
    if attribute.type == "dateTime":
        return _moment(value)
    if attribute.type == "boolean":
        return str(value).lower()
    return str(value) if attribute.exact else str(value).casefold()


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise wrong(f"“{str(value)[:40]}” is no date and time.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _on_texts(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: isinstance(value, str) and isinstance(wanted, str) and compare(value, wanted)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "co": _on_texts(lambda value, wanted: wanted in value),
    "sw": _on_texts(str.startswith),
    "ew": _on_texts(str.endswith),
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def equalities(found: Filter) -> dict[str, Any]:
    """What every match equals, by path, for a look-up by index: the terms with `eq` that `and` joins."""
    if isinstance(found, Both) and found.word == "and":
        return {**equalities(found.right), **equalities(found.left)}
    if isinstance(found, Term) and found.operator == "eq" and isinstance(found.value, str):
        return {".".join(found.path): found.value}
    if isinstance(found, Within):
        inner = equalities(found.inner)
        return {f"{found.path[0]}.{name}": value for name, value in inner.items() if "." not in name}
    return {}

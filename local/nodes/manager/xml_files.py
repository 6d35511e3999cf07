"""Rules and decoders as people write them: of Wazuh's XML a part, and a refusal of the rest."""

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

RULE_TAGS = frozenset(
    {
        "if_sid",
        "if_group",
        "decoded_as",
        "match",
        "regex",
        "field",
        "list",
        "description",
        "group",
        "mitre",
        "options",
        "info",
    }
)
MAX_LEVEL = 16
# What stands behind a backslash in Wazuh's own expressions (OS_Regex); a dot alone is a dot there.
CLASSES = {
    "w": r"[A-Za-z0-9\-@_]",
    "d": r"\d",
    "s": r"[ \t]",
    "t": r"\t",
    "p": r"[()*+,.:;<=>?\[\]!\"'#$%&|{}\-]",
    "W": r"[^A-Za-z0-9\-@_]",
    "D": r"\D",
    "S": r"[^ \t]",
    ".": ".",
}
OPERATORS = frozenset("()|^$+*")


class BadFile(Exception):
    """A file that a manager does not take, in Wazuh's words."""


@dataclass(frozen=True)
class Lookup:
    """A field of the event that must be a key of a list, or must not."""

    field: str
    list: str
    negated: bool


@dataclass(frozen=True)
class CustomRule:
    """One rule of a file."""

    id: str
    level: int
    description: str
    groups: tuple[str, ...]
    if_sid: tuple[str, ...] = ()
    if_group: str | None = None
    decoded_as: str | None = None
    patterns: tuple[re.Pattern[str], ...] = ()
    fields: tuple[tuple[str, re.Pattern[str]], ...] = ()
    lookups: tuple[Lookup, ...] = ()
    mitre: tuple[str, ...] = ()


@dataclass(frozen=True)
class CustomDecoder:
    """One decoder of a file; `order` names what the groups of `regex` hold."""

    name: str
    parent: str | None
    program_name: re.Pattern[str] | None
    prematch: re.Pattern[str] | None
    regex: re.Pattern[str] | None
    order: tuple[str, ...] = field(default=())


def roots_of(text: str) -> list[Element]:
    """The elements at the top of a file, of which there may be several. Raises BadFile."""
    try:
        # a file may hold several roots; who calls has signed in, and the parser resolves no entity from elsewhere
        return list(ElementTree.fromstring(f"<root>{text}</root>"))  # noqa: S314
    except ElementTree.ParseError as error:
        raise BadFile(f"XML syntax error: {error}") from error


def rules_in(text: str) -> list[CustomRule]:
    """The rules of a file. Raises BadFile."""
    rules = []
    for group in roots_of(text):
        if group.tag == "var":
            continue
        if group.tag != "group":
            raise BadFile(f'Invalid root element "{group.tag}". Only "group" is allowed')
        if not group.get("name"):
            raise BadFile('Invalid root element "group". Attribute "name" is missing')
        rules += [_rule(element, _listed(group.get("name", ""))) for element in group]
    return rules


def decoders_in(text: str) -> list[CustomDecoder]:
    """The decoders of a file. Raises BadFile."""
    return [_decoder(element) for element in roots_of(text) if element.tag != "var"]


def _rule(element: Element, groups: tuple[str, ...]) -> CustomRule:
    if element.tag != "rule":
        raise BadFile(f"Invalid configuration. Element: '{element.tag}' is not allowed in a group of rules")
    number, level = element.get("id", ""), element.get("level", "")
    if not re.fullmatch(r"\d{1,6}", number):
        raise BadFile("Invalid rule: 'id' must be a number of at most six digits")
    if not level.isdigit() or int(level) > MAX_LEVEL:
        raise BadFile(f"Invalid 'level' of rule '{number}': it must be a number from 0 to {MAX_LEVEL}")
    unknown = next((child.tag for child in element if child.tag not in RULE_TAGS), None)
    if unknown:
        raise BadFile(f"Invalid option '{unknown}' for rule '{number}'")
    if not _text(element, "description"):
        raise BadFile(f"No 'description' in rule '{number}'")
    own = tuple(name for child in element.findall("group") for name in _listed(child.text or ""))
    return CustomRule(
        number,
        int(level),
        _text(element, "description") or "",
        (*groups, *own),
        _listed(_text(element, "if_sid") or ""),
        _text(element, "if_group"),
        _text(element, "decoded_as"),
        tuple(_pattern(child, f"rule '{number}'") for child in element if child.tag in ("match", "regex")),
        tuple((child.get("name", ""), _pattern(child, f"rule '{number}'")) for child in element.findall("field")),
        tuple(_lookup(child, number) for child in element.findall("list")),
        tuple(child.text or "" for child in element.findall("mitre/id")),
    )


def _decoder(element: Element) -> CustomDecoder:
    name = element.get("name", "")
    if element.tag != "decoder" or not name:
        raise BadFile(f"Invalid element in the configuration: '{element.tag}'; expected a decoder with a name")
    found = {
        child.tag: _pattern(child, f"decoder '{name}'")
        for child in element
        if child.tag in ("program_name", "prematch", "regex")
    }
    order, regex = _listed(_text(element, "order") or ""), found.get("regex")
    if regex and len(order) != regex.groups:
        raise BadFile(f"Regex and order of decoder '{name}' do not have the same number of fields")
    parent = _text(element, "parent")
    if not parent and not (found.get("program_name") or found.get("prematch")):
        raise BadFile(f"No 'prematch' or 'program_name' in decoder '{name}'")
    return CustomDecoder(name, parent, found.get("program_name"), found.get("prematch"), regex, order)


def _lookup(element: Element, rule: str) -> Lookup:
    how = element.get("lookup", "match_key")
    if how not in ("match_key", "not_match_key", "address_match_key", "not_address_match_key"):
        raise BadFile(f"Invalid 'lookup' of rule '{rule}': this stand-in has no '{how}'")
    return Lookup(element.get("field", ""), (element.text or "").strip(), how.startswith("not_"))


def _pattern(element: Element, owner: str) -> re.Pattern[str]:
    """`match` of a rule is plain text with alternatives, the others are Wazuh's expressions; either may be PCRE2."""
    text, kind = element.text or "", element.get("type", "osmatch" if element.tag == "match" else "osregex")
    if kind == "osmatch":
        text = "|".join(_plain(part) for part in text.split("|"))
    elif kind == "osregex":
        text = os_regex(text)
    try:
        return re.compile(text)
    except re.error as error:
        raise BadFile(f"Syntax error on regex: '{element.text}' of {owner}: {error}") from error


def os_regex(text: str) -> str:
    """One of Wazuh's own expressions as Python's."""
    parts, at = [], 0
    while at < len(text):
        escaped = text[at] == "\\" and at + 1 < len(text)
        sign = text[at + 1] if escaped else text[at]
        operator = not escaped and sign in OPERATORS
        parts.append(CLASSES.get(sign, re.escape(sign)) if escaped else sign if operator else re.escape(sign))
        at += 2 if escaped else 1
    return "".join(parts)


def _plain(text: str) -> str:
    begins, ends = text.startswith("^"), text.endswith("$")
    inner = text[1 if begins else 0 : -1 if ends else None]
    return ("^" if begins else "") + re.escape(inner) + ("$" if ends else "")


def _text(element: Element, tag: str) -> str | None:
    found = element.find(tag)
    return (found.text or "").strip() if found is not None else None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())

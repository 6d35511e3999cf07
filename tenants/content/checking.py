"""
What a file has to be before it is kept, and what the files of a tenant have to be together. Pure.

The manager judges what these can't: whether a rule's parent exists, whether a decoder matches. What is plainly wrong is
told here, with file and line, before a tenant is touched.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from tenants.content.bundles import LARGEST_BUNDLE, LARGEST_FILE, MOST_FILES

LEAST_RULE, MOST_RULE = 100_000, 120_000
"""The ids that Wazuh keeps for rules of one's own."""
MOST_LEVEL = 16
MOST_FAULTS = 20

LONGEST_NAME = 128
XML_NAME = re.compile(r"[A-Za-z0-9_.-]{1,124}\.xml\Z")
LIST_NAME = re.compile(r"(?!\.{1,2}\Z)(?!.*\.cdb\Z)[A-Za-z0-9_.-]{1,128}\Z")
GROUP_NAME = re.compile(r"(?!(\.{1,2}|all)\Z)[A-Za-z0-9_.-]{1,128}\Z")
TAKEN_LISTS = frozenset({"control-plane-content", "audit-keys", "security-eventchannel", "amazon", "malicious-ioc"})
"""Lists that the edge and Wazuh's own rules need as they are, as `contracts/edge-api.json` tells them."""

# As Wazuh's API takes lists: a key or value that holds a colon stands in quotes, and an empty line is a fault.
LIST_LINE = re.compile(r'(?:"(?P<quoted>[\w\-: ]+)"|(?P<plain>[^:"\s]+)):(?:"[\w\-: ]*"|[^:"]*)\Z')

NO_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)")

NAMES = {
    **dict.fromkeys(("rules", "decoders"), (XML_NAME, "Letters, digits, “_”, “-” and “.”, ending in “.xml”")),
    "lists": (LIST_NAME, "Letters, digits, “_”, “-” and “.”, not ending in “.cdb”"),
    "agent_configuration": (GROUP_NAME, "The name of a group of agents: letters, digits, “_”, “-” and “.”, not “all”"),
}
"""Kind → which names the edge takes, and how that is told."""


@dataclass(frozen=True)
class Fault:
    """What is wrong in a file. `line` counts from 1; 0 where it is the file as a whole."""

    line: int
    words: str

    @property
    def told(self) -> str:
        """'Line 4: …'."""
        return f"Line {self.line}: {self.words}" if self.line else self.words


@dataclass(frozen=True)
class RuleId:
    """A rule's id, where it stands. One that overwrites a rule of Wazuh's has that one's id."""

    id: int
    line: int
    overwrites: bool


def name_fault(kind: str, name: str) -> str:
    """Why a file of this kind can't be called so; empty where it can."""
    allowed, words = NAMES[kind]
    if name in TAKEN_LISTS and kind == "lists":
        return "The edge or Wazuh's own rules need a list of this name as it is. Choose another one."
    return "" if allowed.match(name) else f"{words}, at most {LONGEST_NAME} of them."


def faults_of(kind: str, text: str) -> list[Fault]:
    """What is wrong with a file by itself, the first few of it."""
    if len(text.encode()) > LARGEST_FILE:
        return [Fault(0, f"A file has at most {LARGEST_FILE // 1024} KiB. Split it into several.")]
    if not text.strip():
        return [Fault(0, "The file is empty. To be rid of a file, withdraw it or leave it out.")]
    return list(_first(CHECKS[kind](text)))


def rule_ids(text: str) -> list[RuleId]:
    """The ids of a file's rules, of a text in which `faults_of` found none."""
    return [_rule_id(each) for each in _roots(text).iter("rule")]


def faults_together(files: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """
    What is wrong with files together that are good one by one: kind, name and words of each.

    Args:
        files: each with kind, name and text.
    """
    found: list[tuple[str, str, str]] = []
    seen: dict[int, str] = {}
    files = list(files)
    for each in files:
        if each["kind"] != "rules":
            continue
        for rule in rule_ids(each["text"]):
            first = seen.setdefault(rule.id, each["name"])
            if first != each["name"] and not rule.overwrites:
                words = f"Line {rule.line}: rule {rule.id} stands in {first} as well. Give one of them another id."
                found.append((each["kind"], each["name"], words))
    if len(files) > MOST_FILES:
        found.append(("", "", f"These are {len(files)} files; a tenant takes {MOST_FILES}. Put some of them together."))
    if (size := sum(len(each["text"].encode()) for each in files)) > LARGEST_BUNDLE:
        found.append(("", "", f"Together they have {size:,} bytes; a tenant takes {LARGEST_BUNDLE:,}."))
    return found[:MOST_FAULTS]


def _rules(text: str) -> Iterator[Fault]:
    roots = yield from _parsed(text, "group", "var")
    if roots is None:
        return
    if not any(True for _ in roots.iter("rule")):
        yield Fault(0, "There is no <rule> in it.")
    seen: dict[str, int] = {}
    for rule in roots.iter("rule"):
        yield from _rule(rule)
        number = rule.get("id", "")
        if number in seen:
            yield Fault(_line(rule), f"Rule {number} stands at line {seen[number]} as well. Give it another id.")
        seen.setdefault(number, _line(rule))


def _rule(rule: Any) -> Iterator[Fault]:
    number, level, line = rule.get("id", ""), rule.get("level", ""), _line(rule)
    if not re.fullmatch(r"[0-9]{1,6}", number):
        yield Fault(line, f"A rule needs an id, a number from {LEAST_RULE} to {MOST_RULE}.")
    elif not _overwrites(rule) and not LEAST_RULE <= int(number) <= MOST_RULE:
        yield Fault(
            line,
            f"Rule {number}: rules of your own have ids from {LEAST_RULE} to {MOST_RULE}."
            ' To change a rule of Wazuh\'s, give it overwrite="yes".',
        )
    if not re.fullmatch(r"[0-9]{1,2}", level) or int(level) > MOST_LEVEL:
        yield Fault(line, f"Rule {number or '?'}: a level is a number from 0 to {MOST_LEVEL}.")


def _decoders(text: str) -> Iterator[Fault]:
    roots = yield from _parsed(text, "decoder", "var")
    if roots is None:
        return
    decoders = roots.findall("decoder")
    if not decoders:
        yield Fault(0, "There is no <decoder> in it.")
    for decoder in decoders:
        if not decoder.get("name"):
            yield Fault(_line(decoder), "A decoder needs a name.")


def _agent_configuration(text: str) -> Iterator[Fault]:
    roots = yield from _parsed(text, "agent_config")
    if roots is not None and roots.find("agent_config") is None:
        yield Fault(0, "Settings of agents stand in <agent_config>…</agent_config>; there is none.")


def _lists(text: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = LIST_LINE.match(line)
        if match is None:
            yield Fault(number, "Expected key:value or key: on a line; what holds a colon stands in quotes.")
            continue
        key = match["quoted"] or match["plain"]
        if key in seen:
            yield Fault(number, f"The key {key} stands at line {seen[key]} as well. Keep one of them.")
        seen.setdefault(key, number)


CHECKS: Mapping[str, Callable[[str], Iterator[Fault]]] = {
    "rules": _rules,
    "decoders": _decoders,
    "lists": _lists,
    "agent_configuration": _agent_configuration,
}


def _parsed(text: str, *allowed: str) -> Generator[Fault, None, Any]:
    """The file's elements under one root, or None after a fault. Yields what stands there but may not."""
    try:
        roots = _roots(text)
    except etree.XMLSyntaxError as error:
        words = (error.msg or "").split(", line ")[0]
        yield Fault(error.lineno or 0, f"This is not well-formed XML: {words}.")
        return None
    for each in roots.iterchildren(etree.Element):
        if each.tag not in allowed:
            wanted = " or ".join(f"<{one}>" for one in allowed)
            yield Fault(_line(each), f"<{each.tag}> can't stand here; expected {wanted}.")
    return roots


def _roots(text: str) -> Any:
    """
    A file's elements, which may be several, under a root of ours; lines stay what they were.

    Wazuh is laxer than XML in three things, and so is this: a lone “&”, “\\<” and “\\>”, and two dashes within a
    comment. A document type can't stand inside an element, so that no entity is ever declared.
    """
    plain = NO_ENTITY.sub("&amp;", _without_comments(text).replace("\\<", "&lt;").replace("\\>", "&gt;"))
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(f"<content>{plain}</content>".encode(), parser)


def _without_comments(text: str) -> str:
    """The text with each comment's lines left empty. A search by pattern would take its square for many beginnings."""
    kept, at = [], 0
    while (begins := text.find("<!--", at)) >= 0 and (ends := text.find("-->", begins + 4)) >= 0:
        kept += [text[at:begins], "\n" * text.count("\n", begins, ends)]
        at = ends + 3
    return "".join([*kept, text[at:]])


def _rule_id(rule: Any) -> RuleId:
    return RuleId(int(rule.get("id")), _line(rule), _overwrites(rule))


def _overwrites(rule: Any) -> bool:
    return str(rule.get("overwrite", "")).lower() == "yes"


def _line(element: Any) -> int:
    return int(element.sourceline or 0)


def _first(faults: Iterator[Fault]) -> Iterator[Fault]:
    for _, fault in zip(range(MOST_FAULTS), faults, strict=False):
        yield fault

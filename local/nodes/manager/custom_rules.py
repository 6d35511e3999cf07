"""Rules that a tenant brought: they refine what those of the manager found, or find by themselves."""

import re
from collections.abc import Mapping
from typing import Any

from local.nodes.manager.decoder import Event
from local.nodes.manager.rules import Rule
from local.nodes.manager.xml_files import CustomRule

FIELD = re.compile(r"\$\((\w+)\)")


class CustomRules:
    """`lists` are those that the settings name, each by its path."""

    def __init__(self, rules: list[CustomRule], lists: Mapping[str, Mapping[str, str]]) -> None:
        self._rules, self._lists = rules, lists

    def refine(self, found: Rule | None, event: Event) -> Rule | None:
        """The rule that an event comes to, of which a more exact one takes the place of the one that it builds on."""
        current = found
        for rule in (rule for rule in self._rules if not rule.if_sid and rule.if_group is None):
            if self._matches(rule, event) and (current is None or rule.level >= current.level):
                current = _as_rule(rule, event)
        tried: set[str] = set()
        while current is not None:
            child = next((rule for rule in self._children(current, tried) if self._matches(rule, event)), None)
            if child is None:
                break
            tried.add(child.id)
            current = _as_rule(child, event)
        return current

    def _children(self, parent: Rule, tried: set[str]) -> list[CustomRule]:
        return [
            rule
            for rule in self._rules
            if rule.id not in tried and (parent.id in rule.if_sid or rule.if_group in parent.groups)
        ]

    def _matches(self, rule: CustomRule, event: Event) -> bool:
        if rule.decoded_as is not None and event.decoder != rule.decoded_as:
            return False
        values = _values(event)
        return (
            all(pattern.search(event.message) for pattern in rule.patterns)
            and all(pattern.search(values.get(name, "")) for name, pattern in rule.fields)
            and all(self._holds(values.get(look.field), look.list) != look.negated for look in rule.lookups)
        )

    def _holds(self, value: str | None, path: str) -> bool:
        return value is not None and value in self._lists.get(path, {})


def _values(event: Event) -> dict[str, str]:
    return {**event.predecoder, **event.data}


def _as_rule(rule: CustomRule, event: Event) -> Rule:
    values = _values(event)
    description = FIELD.sub(lambda found: values.get(found[1], ""), rule.description)
    mitre: dict[str, Any] = {"id": list(rule.mitre)} if rule.mitre else {}
    return Rule(rule.id, rule.level, description, rule.groups, mitre=mitre)

"""The search line people type: words, "phrases", field:value, wildcards, AND, OR, NOT and parentheses."""

import fnmatch
import re
from collections.abc import Callable
from typing import Any

from local.nodes.indexer.errors import parsing_error
from local.nodes.indexer.values import TEXT_FIELDS, all_values, same, sought_words, values_at, words

Test = Callable[[dict[str, Any]], bool]

TOKEN = re.compile(r'\s*(?:(?P<mark>[()])|(?P<sign>[+-](?=\S))|(?P<word>(?:[\w.@*-]+:)?(?:"[^"]*"|[^\s()"]+)))')
OPERATORS = {"AND", "OR", "NOT", "&&", "||", "!"}


def parse_query_string(text: str, fields: list[str], *, every_word: bool) -> Test:
    """A test over documents; raises SearchError 400 for a line that cannot be read."""
    tokens = _tokens(text)
    if not tokens:
        return lambda document: True
    parser = _Parser(tokens, fields, every_word=every_word)
    test = parser.alternatives()
    if parser.rest():
        raise parsing_error(f"Failed to parse query [{text}]")
    return test


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise parsing_error(f"Failed to parse query [{text}]")
        sign = {"-": "NOT", "+": ""}.get(match["sign"] or "x")
        tokens.append(match["mark"] or match["word"] or sign)
        at = match.end()
    return [token for token in tokens if token]


class _Parser:
    """Alternatives of groups of negatable terms; words side by side are joined by the default operator."""

    def __init__(self, tokens: list[str], fields: list[str], *, every_word: bool) -> None:
        self.tokens, self.fields, self.every_word = tokens, fields, every_word

    def rest(self) -> list[str]:
        return self.tokens

    def _take(self, *wanted: str) -> bool:
        if self.tokens and self.tokens[0] in wanted:
            self.tokens.pop(0)
            return True
        return False

    def alternatives(self) -> Test:
        tests = [self._group()]
        while self.tokens and self.tokens[0] != ")":
            self._take("OR", "||")
            tests.append(self._group())
        return lambda document: any(test(document) for test in tests)

    def _group(self) -> Test:
        tests = [self._term()]
        while self.tokens and self._joins():
            tests.append(self._term())
        return lambda document: all(test(document) for test in tests)

    def _joins(self) -> bool:
        """Whether what follows must hold too: after AND, before NOT, or by default."""
        if self._take("AND", "&&"):
            return True
        head = self.tokens[0]
        return head in ("NOT", "!") or (self.every_word and head not in ("OR", "||", ")"))

    def _term(self) -> Test:
        if self._take("NOT", "!"):
            negated = self._term()
            return lambda document: not negated(document)
        if self._take("("):
            inner = self.alternatives()
            if not self._take(")"):
                raise parsing_error("Failed to parse query: a parenthesis is not closed")
            return inner
        if not self.tokens or self.tokens[0] in OPERATORS | {")"}:
            raise parsing_error("Failed to parse query: a word is missing")
        return self._word(self.tokens.pop(0))

    def _word(self, token: str) -> Test:
        field, colon, value = token.partition(":")
        if token.startswith('"') or not colon or not value:
            field, value = "", token
        fields = [field.removesuffix(".keyword")] if field else self.fields
        if field == "_exists_":
            return lambda document: bool(values_at(document, value))
        return lambda document: any(_holds(document, path, value) for path in fields)


def _holds(document: dict[str, Any], path: str, wanted: str) -> bool:
    anywhere = "*" in path
    stored = all_values(document) if anywhere else values_at(document, path)
    by_words = anywhere or path in TEXT_FIELDS
    return any(_fits(value, wanted, by_words=by_words) for value in stored)


def _fits(value: object, wanted: str, *, by_words: bool) -> bool:
    if wanted.startswith('"'):
        phrase = " ".join(wanted.strip('"').lower().split())
        text = " ".join(str(value).lower().split())
        return phrase in text if by_words else phrase == text
    if "*" in wanted or "?" in wanted:
        candidates = [*words(value), str(value).lower()] if by_words else [str(value)]
        pattern = wanted.lower() if by_words else wanted
        return any(fnmatch.fnmatchcase(candidate, pattern) for candidate in candidates)
    if by_words:
        sought, held = sought_words(wanted), words(value)
        return same(value, wanted) or (bool(sought) and all(word in held for word in sought))
    return same(value, wanted)

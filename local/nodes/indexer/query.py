"""The query language: a JSON query becomes a predicate over documents."""

import fnmatch
from collections.abc import Callable
from typing import Any

from local.nodes.indexer.documents import Document
from local.nodes.indexer.errors import parsing_error
from local.nodes.indexer.query_string import parse_query_string
from local.nodes.indexer.values import TEXT_FIELDS, all_values, as_number, same, sought_words, values_at, words

Predicate = Callable[[Document], bool]

RANGE = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}
RANGE_OPTIONS = {"format", "boost", "time_zone", "relation"}


def compile_query(query: Any) -> Predicate:
    """The predicate of a query clause; raises SearchError 400 for a clause this indexer does not know."""
    if not isinstance(query, dict) or len(query) != 1:
        raise parsing_error("[query] must be an object with exactly one clause")
    ((name, body),) = query.items()
    clause = CLAUSES.get(name)
    if clause is None:
        raise parsing_error(f"unknown query [{name}]")
    return clause(body)


def _field(body: Any, name: str) -> tuple[str, Any]:
    if not isinstance(body, dict) or len(body) != 1:
        raise parsing_error(f"[{name}] query needs exactly one field")
    ((path, value),) = body.items()
    return path.removesuffix(".keyword"), value


def _option(value: Any, key: str) -> Any:
    """The value of a clause that may be given short (`{"field": value}`) or long (`{"field": {key: value}}`)."""
    return value.get(key) if isinstance(value, dict) else value


def _matches(document: Document, path: str, wanted: object, *, every_word: bool) -> bool:
    if path not in TEXT_FIELDS:
        return any(same(value, wanted) for value in values_at(document.source, path))
    sought = sought_words(wanted)
    for value in values_at(document.source, path):
        held = words(value)
        if sought and (all if every_word else any)(word in held for word in sought):
            return True
    return False


def _holds_phrase(document: Document, path: str, wanted: object) -> bool:
    phrase = " ".join(str(wanted).lower().split())
    if path not in TEXT_FIELDS:
        return any(same(value, wanted) for value in values_at(document.source, path))
    return any(phrase in " ".join(str(value).lower().split()) for value in values_at(document.source, path))


def match(body: Any) -> Predicate:
    path, value = _field(body, "match")
    wanted, every = _option(value, "query"), isinstance(value, dict) and str(value.get("operator")).lower() == "and"
    return lambda document: _matches(document, path, wanted, every_word=every)


def match_phrase(body: Any) -> Predicate:
    path, value = _field(body, "match_phrase")
    wanted = _option(value, "query")
    return lambda document: _holds_phrase(document, path, wanted)


def multi_match(body: Any) -> Predicate:
    wanted, fields = body.get("query"), body.get("fields") or []
    phrase = body.get("type") == "phrase"
    if not fields or "*" in fields:
        return lambda document: any(_word_in(value, str(wanted)) for value in all_values(document.source))
    test = _holds_phrase if phrase else lambda d, path, text: _matches(d, path, text, every_word=False)
    return lambda document: any(test(document, path.partition("^")[0], wanted) for path in fields)


def _word_in(value: object, wanted: str) -> bool:
    held = words(value)
    return any(word in held for word in sought_words(wanted))


def term(body: Any) -> Predicate:
    path, value = _field(body, "term")
    return _any_of(path, [_option(value, "value")])


def terms(body: Any) -> Predicate:
    path, wanted = _field({key: value for key, value in body.items() if key != "boost"}, "terms")
    if not isinstance(wanted, list):
        raise parsing_error("[terms] query needs a list of values")
    return _any_of(path, wanted)


def _any_of(path: str, wanted: list[Any]) -> Predicate:
    if path == "_id":
        return lambda document: document.id in wanted
    if path == "_index":
        return lambda document: document.index in wanted
    if path in TEXT_FIELDS:
        return lambda document: any(str(w) in words(v) for v in values_at(document.source, path) for w in wanted)
    return lambda document: any(same(v, w) for v in values_at(document.source, path) for w in wanted)


def ids(body: Any) -> Predicate:
    wanted = set(body.get("values") or [])
    return lambda document: document.id in wanted


def exists(body: Any) -> Predicate:
    path = str(body.get("field"))
    return lambda document: bool(values_at(document.source, path))


def prefix(body: Any) -> Predicate:
    path, value = _field(body, "prefix")
    start = str(_option(value, "value"))
    return lambda document: any(str(stored).startswith(start) for stored in values_at(document.source, path))


def wildcard(body: Any) -> Predicate:
    path, value = _field(body, "wildcard")
    pattern = str(_option(value, "value") or _option(value, "wildcard"))
    return lambda document: any(
        fnmatch.fnmatchcase(candidate, pattern)
        for stored in values_at(document.source, path)
        for candidate in (words(stored) if path in TEXT_FIELDS else [str(stored)])
    )


def range_(body: Any) -> Predicate:
    path, bounds = _field(body, "range")
    limits = []
    for name, bound in bounds.items():
        if name in RANGE_OPTIONS:
            continue
        number = as_number(bound)
        if name not in RANGE or number is None:
            raise parsing_error(f"[range] query cannot use [{name}: {bound}]")
        limits.append((RANGE[name], number))

    def within(document: Document) -> bool:
        numbers = (as_number(value) for value in values_at(document.source, path))
        return any(number is not None and all(test(number, bound) for test, bound in limits) for number in numbers)

    return within


def bool_(body: Any) -> Predicate:
    known = {"must", "filter", "should", "must_not", "minimum_should_match", "boost"}
    if not isinstance(body, dict) or set(body) - known:
        raise parsing_error("[bool] query knows must, filter, should, must_not and minimum_should_match only")
    must = _clauses(body, "must") + _clauses(body, "filter")
    should, must_not = _clauses(body, "should"), _clauses(body, "must_not")
    needed = int(body.get("minimum_should_match", 1 if should and not must else 0))
    return lambda document: (
        all(test(document) for test in must)
        and not any(test(document) for test in must_not)
        and sum(test(document) for test in should) >= needed
    )


def _clauses(body: dict[str, Any], name: str) -> list[Predicate]:
    listed = body.get(name) or []
    return [compile_query(clause) for clause in (listed if isinstance(listed, list) else [listed])]


def query_string(body: Any) -> Predicate:
    text, fields = body.get("query"), body.get("fields") or [body.get("default_field", "*")]
    every = str(body.get("default_operator", "OR")).upper() == "AND"
    test = parse_query_string(str(text), [str(field) for field in fields], every_word=every)
    return lambda document: test(document.source)


CLAUSES: dict[str, Callable[[Any], Predicate]] = {
    "match_all": lambda _: lambda document: True,
    "match_none": lambda _: lambda document: False,
    "match": match,
    "match_phrase": match_phrase,
    "multi_match": multi_match,
    "term": term,
    "terms": terms,
    "ids": ids,
    "exists": exists,
    "prefix": prefix,
    "wildcard": wildcard,
    "range": range_,
    "bool": bool_,
    "query_string": query_string,
    "simple_query_string": query_string,
}

"""`_search` and `_count`: find, sort, page, count by terms."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from local.nodes.indexer.documents import Document, Reader
from local.nodes.indexer.errors import SearchError, index_missing, parsing_error
from local.nodes.indexer.query import Predicate, compile_query
from local.nodes.indexer.values import as_number, values_at

WINDOW = 10_000  # results that may be paged through, as index.max_result_window
KNOWN = {
    "query",
    "sort",
    "size",
    "from",
    "_source",
    "track_total_hits",
    "aggs",
    "aggregations",
    "version",
    "search_after",
}
TIMES = ("timestamp", "@timestamp")  # what the template maps as times
SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}

SortKey = tuple[tuple[int, float, str], ...]
Found = tuple[str, str, SortKey]  # index, id, what it is sorted by


def resolve(documents: Reader, expression: str) -> list[str]:
    """Indices of an expression; raises SearchError 404 where one is named in full and does not exist."""
    found = documents.indices(expression)
    for name in expression.split(","):
        if "*" not in name and name != "_all" and name not in found:
            raise index_missing(name)
    return found


def count(documents: Reader, expression: str, body: dict[str, Any]) -> dict[str, Any]:
    test = compile_query(body.get("query", {"match_all": {}}))
    found = sum(test(document) for document in documents.scan(resolve(documents, expression)))
    return {"count": found, "_shards": SHARDS}


@dataclass(frozen=True)
class Order:
    """Sort order by one field."""

    field: str
    descending: bool

    def value(self, document: Document) -> Any:
        """What a hit's `sort` shows of a document: a time in milliseconds, None where it has no value."""
        if self.field in ("_id", "_doc", "_score"):
            return document.id
        if self.field == "_seq_no":
            return document.place
        found = next(iter(values_at(document.source, self.field.removesuffix(".keyword"))), None)
        moment = as_number(found) if self.field in TIMES else None
        return found if moment is None else int(moment * 1000)

    def key(self, value: Any) -> tuple[int, float, str]:
        """Missing values come last; numbers and times sort as numbers, the rest as text."""
        if value is None:
            return (1, 0.0, "")
        if isinstance(value, int | float):
            return (0, -float(value) if self.descending else float(value), "")
        return (0, 0.0, str(value))

    def follows(self, one: tuple[int, float, str], other: tuple[int, float, str]) -> int:
        """Above 0 where `one` comes behind `other`, below 0 where before it."""
        if one[:2] != other[:2]:
            return 1 if one[:2] > other[:2] else -1
        behind = (one[2] > other[2]) - (one[2] < other[2])
        return -behind if self.descending else behind


def read_orders(sort: Any) -> list[Order]:
    listed = sort if isinstance(sort, list) else [sort] if sort else []
    orders = []
    for item in listed:
        field, how = next(iter(item.items())) if isinstance(item, dict) and item else (str(item), "asc")
        direction = how.get("order", "asc") if isinstance(how, dict) else str(how)
        if direction not in ("asc", "desc"):
            raise parsing_error(f"unknown sort order [{direction}]")
        orders.append(Order(field, direction == "desc"))
    return orders


@dataclass(frozen=True)
class Plan:
    """What a search request's body asks for, checked."""

    test: Predicate
    orders: list[Order]
    start: int
    size: int
    after: SortKey | None
    source: Any
    aggregations: dict[str, Any]

    @classmethod
    def of(cls, body: dict[str, Any]) -> "Plan":
        """Raises SearchError for what the stand-in cannot answer."""
        unknown = set(body) - KNOWN
        if unknown:
            raise parsing_error(f"unknown key [{sorted(unknown)[0]}]: the stand-in indexer does not know it")
        start, size = _whole(body, "from", 0), _whole(body, "size", 10)
        if start + size > WINDOW:
            reason = f"Result window is too large, from + size must be <= {WINDOW}"
            raise SearchError(400, "illegal_argument_exception", reason)
        test, orders = compile_query(body.get("query", {"match_all": {}})), read_orders(body.get("sort"))
        aggregations = body.get("aggs") or body.get("aggregations") or {}
        after = _sort_key(orders, body.get("search_after"), start)
        return cls(test, orders, start, size, after, body.get("_source", True), aggregations)

    def is_asked_for(self, row: Found) -> bool:
        """Whether it comes behind what `search_after` names."""
        if self.after is None:
            return True
        steps = (order.follows(*pair) for order, *pair in zip(self.orders, row[2], self.after, strict=True))
        return next((step for step in steps if step), 0) > 0


def search(documents: Reader, expression: str, body: dict[str, Any]) -> dict[str, Any]:
    """Answers a search request's body; raises SearchError for what it cannot answer."""
    started = time.monotonic()
    plan = Plan.of(body)
    counters = _counters(plan.aggregations)
    found = _find(documents, resolve(documents, expression), plan, counters)
    rows = [row for row in _sorted(found, plan.orders) if plan.is_asked_for(row)][plan.start : plan.start + plan.size]
    page = [documents.get(index, id) for index, id, _ in rows]
    hits = [_hit(document, plan.orders, plan.source) for document in page if document]
    total = {"value": len(found), "relation": "eq"}
    answer = {
        "took": int((time.monotonic() - started) * 1000),
        "timed_out": False,
        "_shards": SHARDS,
        "hits": {"total": total, "max_score": None if plan.orders else 1.0, "hits": hits},
    }
    if counters:
        answer["aggregations"] = {name: counter.result() for name, counter in counters.items()}
    return answer


def _find(documents: Reader, indices: list[str], plan: Plan, counters: dict[str, "TermsCounter"]) -> list[Found]:
    """Where the documents are that pass, with what they are sorted by; counts them on the way."""
    found = []
    for document in documents.scan(indices):
        if plan.test(document):
            found.append(
                (document.index, document.id, tuple(order.key(order.value(document)) for order in plan.orders))
            )
            for counter in counters.values():
                counter.take(document)
    return found


def _sorted(found: list[Found], orders: list[Order]) -> list[Found]:
    """Sorts by the last field first: each pass is stable. Numbers already carry their sign, texts are turned here."""
    for at in reversed(range(len(orders))):
        if orders[at].descending:
            found.sort(key=lambda row, at=at: row[2][at][2], reverse=True)  # type: ignore[misc]
            found.sort(key=lambda row, at=at: row[2][at][:2])  # type: ignore[misc]
        else:
            found.sort(key=lambda row, at=at: row[2][at])  # type: ignore[misc]
    return found


def _hit(document: Document, orders: list[Order], wanted: Any) -> dict[str, Any]:
    hit: dict[str, Any] = {"_index": document.index, "_id": document.id, "_score": None if orders else 1.0}
    if wanted is not False:
        hit["_source"] = document.source if wanted is True else _projection(document.source, wanted)
    if orders:
        hit["sort"] = [order.value(document) for order in orders]
    return hit


def _projection(source: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """The parts of a document under the given paths."""
    paths = [wanted] if isinstance(wanted, str) else wanted.get("includes", []) if isinstance(wanted, dict) else wanted
    kept: dict[str, Any] = {}
    for path in paths:
        node, target, keys = source, kept, path.removesuffix(".*").split(".")
        for key in keys[:-1]:
            node = node.get(key, {}) if isinstance(node, dict) else {}
            target = target.setdefault(key, {})
        if isinstance(node, dict) and keys[-1] in node:
            target[keys[-1]] = node[keys[-1]]
    return kept


def _sort_key(orders: list[Order], values: Any, start: int) -> SortKey | None:
    """Where `search_after` goes on: the sort values of a hit."""
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != len(orders):
        raise parsing_error(f"search_after has not as many values as there are sorts ({len(orders)})")
    if start:
        raise parsing_error("`from` parameter must be set to 0 when `search_after` is used")
    return tuple(order.key(value) for order, value in zip(orders, values, strict=True))


def _whole(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise parsing_error(f"[{name}] must be a whole number of at least 0")
    return value


class TermsCounter:
    """The `terms` aggregation: how many documents have each value of a field."""

    def __init__(self, field: str, size: int) -> None:
        self._field, self._size = field.removesuffix(".keyword"), size
        self._counts: Counter[Any] = Counter()

    def take(self, document: Document) -> None:
        self._counts.update(set(values_at(document.source, self._field)))

    def result(self) -> dict[str, Any]:
        shown = self._counts.most_common(self._size)
        others = self._counts.total() - sum(number for _, number in shown)
        buckets = [{"key": key, "doc_count": number} for key, number in shown]
        return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets}


def _counters(aggregations: dict[str, Any]) -> dict[str, TermsCounter]:
    counters = {}
    for name, body in aggregations.items():
        terms = body.get("terms") if isinstance(body, dict) else None
        if not isinstance(terms, dict) or "field" not in terms:
            raise parsing_error(f"[{name}]: the stand-in indexer knows the terms aggregation only")
        counters[name] = TermsCounter(str(terms["field"]), int(terms.get("size", 10)))
    return counters

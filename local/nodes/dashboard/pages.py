"""The pages. Everything that is not ours (log lines, agent names) passes through `markup` and is escaped there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from local.nodes.dashboard.markup import Child, Markup, tag
from local.nodes.dashboard.upstream import PAGE_SIZE, Search

BASE = "/dashboard"
PERIODS = (("15m", "15 minutes"), ("24h", "24 hours"), ("7d", "7 days"), ("", "All time"))
LEVELS = ((0, "Any level"), (5, "5 and up"), (10, "10 and up"), (12, "12 and up"))
ROLE_NAMES = {
    "tenant_admin": "Administrator",
    "tenant_operator": "Operator",
    "tenant_readonly": "Viewer, read only",
}
SEVERITIES = ((12, "critical"), (10, "high"), (7, "medium"), (0, "low"))
STATUS_MARKS = {"active": "●", "disconnected": "○", "pending": "◐", "never_connected": "◌"}


@dataclass(frozen=True)
class Visitor:
    """Whom the proxy headers name."""

    user: str
    roles: tuple[str, ...]

    @property
    def role_names(self) -> str:
        return ", ".join(ROLE_NAMES.get(role, role) for role in self.roles)


def layout(visitor: Visitor, title: str, version: str, *content: Child) -> Markup:
    main = tag("main", _notice(version), tag("h1", title), content)
    body = tag("body", _header(visitor), main)
    return Markup("<!doctype html>" + tag("html", _head(title), body, lang="en"))


def _head(title: str) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · Stand-in dashboard"),
        tag("link", rel="stylesheet", href=f"{BASE}/ui/style.css"),
        tag("link", rel="icon", type="image/svg+xml", href=f"{BASE}/ui/icon.svg"),
    )


def _header(visitor: Visitor) -> Markup:
    links = [tag("a", name, href=f"{BASE}{path}") for path, name in (("/", "Alerts"), ("/agents", "Agents"))]
    who = (tag("span", visitor.user, class_="user"), tag("span", visitor.role_names, class_="role"))
    return tag(
        "header",
        tag("a", "Stand-in dashboard", class_="brand", href=f"{BASE}/"),
        tag("nav", links, aria_label="Sections"),
        tag("p", who, class_="who"),
    )


def _notice(version: str) -> Markup:
    return tag(
        "p",
        tag("strong", "Simulated. "),
        f"This page stands in for the Wazuh {version} dashboard; alerts and agents come from this tenant's own nodes.",
        class_="notice",
    )


def alerts_page(visitor: Visitor, version: str, search: Search, found: dict[str, Any]) -> Markup:
    total = found["hits"]["total"]["value"]
    counts = found["aggregations"]
    rows = [_alert_row(hit) for hit in found["hits"]["hits"]]
    results = _table(("Time", "Level", "Rule", "Agent", "Log"), rows) if rows else _nothing(search)
    return layout(
        visitor, "Alerts", version, _search_form(search), _summary(total, counts), results, _pager(search, total)
    )


def _search_form(search: Search) -> Markup:
    def option(value: object, name: str, chosen: object) -> Markup:
        return tag("option", name, value=str(value), selected=value == chosen)

    return tag(
        "form",
        tag("label", "Search", tag("input", type="search", name="q", value=search.words, placeholder="full_log:word")),
        tag("label", "Level", tag("select", [option(v, n, search.level) for v, n in LEVELS], name="level")),
        tag("label", "Period", tag("select", [option(v, n, search.since) for v, n in PERIODS], name="since")),
        tag("button", "Search", type="submit"),
        method="get",
        action=f"{BASE}/",
        role="search",
    )


def _summary(total: int, counts: dict[str, Any]) -> Markup:
    high = sum(bucket["doc_count"] for bucket in counts["levels"]["buckets"] if bucket["key"] >= 10)
    tiles = [_tile("Alerts", total), _tile("Level 10 and up", high)]
    charts = [_bars("Most frequent rules", counts["rules"]), _bars("Agents", counts["agents"])]
    return tag("section", tiles, charts, class_="summary", aria_label="Summary")


def _tile(name: str, number: int) -> Markup:
    return tag("div", tag("span", f"{number:,}", class_="number"), tag("span", name), class_="tile")


def _bars(name: str, counted: dict[str, Any]) -> Markup | None:
    buckets = counted["buckets"]
    if not buckets:
        return None
    most = max(bucket["doc_count"] for bucket in buckets)
    rows = [
        tag(
            "li",
            tag("span", bucket["key"], class_="name"),
            tag("meter", value=bucket["doc_count"], min=0, max=most, aria_hidden="true"),
            tag("span", bucket["doc_count"], class_="count"),
        )
        for bucket in buckets
    ]
    return tag("div", tag("h2", name), tag("ul", rows), class_="bars")


def _severity(level: int) -> str:
    return next(name for lowest, name in SEVERITIES if level >= lowest)


def _alert_row(hit: dict[str, Any]) -> Iterable[Child]:
    alert = hit["_source"]
    rule, agent = alert.get("rule", {}), alert.get("agent", {})
    level = int(rule.get("level", 0))
    link = tag("a", f"{rule.get('id', '?')} {rule.get('description', '')}", href=f"{BASE}/alerts/{hit['_id']}")
    return (
        tag("time", _short_time(alert.get("timestamp", "")), datetime=alert.get("timestamp", "")),
        tag("span", level, " ", _severity(level), class_=f"level {_severity(level)}"),
        link,
        f"{agent.get('name', '?')} ({agent.get('id', '?')})",
        tag("code", alert.get("full_log", "")),
    )


def _short_time(timestamp: str) -> str:
    return timestamp[:19].replace("T", " ")


def _table(names: Iterable[str], rows: Iterable[Iterable[Child]]) -> Markup:
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in names]))
    body = tag("tbody", [tag("tr", [tag("td", cell) for cell in row]) for row in rows])
    return tag("div", tag("table", head, body), class_="table")


def _nothing(search: Search) -> Markup:
    hint = (
        "Widen the period or the search."
        if search != Search()
        else "Alerts appear here when an agent's log matches a rule."
    )
    return tag("p", "No alerts match. ", hint, class_="empty")


def _pager(search: Search, total: int) -> Markup | None:
    def link(name: str, page: int) -> Markup:
        fields = {"q": search.words, "level": search.level, "since": search.since, "page": page}
        return tag("a", name, href=f"{BASE}/?{urlencode(fields)}")

    newer = link("Newer", search.page - 1) if search.page else None
    older = link("Older", search.page + 1) if (search.page + 1) * PAGE_SIZE < total else None
    return tag("nav", newer, older, class_="pager", aria_label="Pages") if newer or older else None


def alert_page(visitor: Visitor, version: str, hit: dict[str, Any]) -> Markup:
    alert = hit["_source"]
    rows = [(tag("code", path), tag("span", value)) for path, value in sorted(_flat(alert)) if path != "full_log"]
    log = tag("pre", alert.get("full_log", ""), class_="log")
    title = str(alert.get("rule", {}).get("description", "Alert"))
    return layout(
        visitor,
        title,
        version,
        log,
        _table(("Field", "Value"), rows),
        tag("p", tag("a", "All alerts", href=f"{BASE}/")),
    )


def _flat(value: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """Every field of an alert by its dotted path; lists in one line."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield path, ", ".join(str(item) for item in value)
    else:
        yield path, str(value)


def agents_page(visitor: Visitor, version: str, agents: list[dict[str, Any]]) -> Markup:
    names = ("Id", "Name", "Status", "System", "Version", "Groups", "Last keepalive")
    nobody = tag("p", "No agent is enrolled yet.", class_="empty")
    return layout(visitor, "Agents", version, _table(names, map(_agent_row, agents)) if agents else nobody)


def _agent_row(agent: dict[str, Any]) -> Iterable[Child]:
    status = agent["status"]
    words = (STATUS_MARKS.get(status, "?"), " ", status.replace("_", " "))
    return (
        agent["id"],
        agent["name"],
        tag("span", words, class_=f"status {status}"),
        agent.get("os", {}).get("name", "unknown"),
        agent.get("version", "unknown"),
        ", ".join(agent.get("group", [])),
        _short_time(agent.get("lastKeepAlive", "never")),
    )


def failure_page(visitor: Visitor, version: str, reason: str) -> Markup:
    again = tag("a", "Try again", href=f"{BASE}/")
    return layout(
        visitor,
        "Not available",
        version,
        tag("p", reason, class_="failure"),
        tag("p", "Nothing is lost: alerts wait until it answers. ", again),
    )

"""How agents look in the API, and how lists of them are filtered, sorted and paged."""

import base64
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from local.nodes.manager.api.envelope import bad_parameter
from local.nodes.manager.registry import Agent
from local.nodes.manager.shared_files import SharedFiles

MANAGER_ID = "000"
DISCONNECTED_AFTER = 30.0  # seconds without a keepalive; a real manager waits for a quarter of an hour
MAX_LIMIT = 100_000
DEFAULT_LIMIT = 500
STATUS_CODES = {"active": 0, "pending": 1, "disconnected": 3, "never_connected": 5}
FOREVER = "9999-12-31T23:59:59+00:00"


def time_text(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")


def key_text(agent: Agent) -> str:
    """The key as the API gives it: base64 of `id name ip rawkey`."""
    return base64.b64encode(f"{agent.id} {agent.name} {agent.register_ip} {agent.key}".encode()).decode()


def agent_view(agent: Agent, shared: SharedFiles, manager: str, now: float) -> dict[str, Any]:
    """An agent as `GET /agents` shows it; what is not known yet is left out."""
    status = agent.status(now, DISCONNECTED_AFTER)
    optional = {
        "ip": agent.ip,
        "version": agent.version,
        "mergedSum": agent.merged_sum,
        "configSum": agent.config_sum,
        "lastKeepAlive": time_text(agent.last_keepalive) if agent.last_keepalive else None,
        "os": _os(agent.uname) if agent.uname else None,
        "manager": (agent.node or manager) if agent.started_at else None,
    }
    return {
        "id": agent.id,
        "name": agent.name,
        "status": status,
        "status_code": STATUS_CODES[status],
        "group": agent.groups,
        "registerIP": agent.register_ip,
        "dateAdd": time_text(agent.added_at),
        "node_name": (agent.node or manager) if agent.started_at else "unknown",
        "group_config_status": "synced" if is_synced(agent, shared) else "not synced",
        **{name: value for name, value in optional.items() if value is not None},
    }


def is_synced(agent: Agent, shared: SharedFiles) -> bool:
    """Whether the agent has its groups' files, as they are now."""
    return agent.merged_sum == shared.sum(agent.groups)


def _os(uname: str) -> dict[str, str]:
    """The parts of "Linux |host |6.1.0 |#1 SMP |x86_64 [Debian GNU/Linux|debian: 12 (bookworm)]"."""
    kernel, _, system = uname.partition(" [")
    os = {"uname": kernel, "arch": kernel.rpartition("|")[2]}
    name, _, rest = system.rstrip("]").partition("|")
    platform, _, version = rest.partition(": ")
    known = {"name": name, "platform": platform, "version": version}
    return os | {key: value for key, value in known.items() if value}


def manager_view(name: str, version: str, started_at: float) -> dict[str, Any]:
    """The manager itself, which the API lists as agent 000."""
    return {
        "id": MANAGER_ID,
        "name": name,
        "status": "active",
        "status_code": 0,
        "ip": "127.0.0.1",
        "registerIP": "127.0.0.1",
        "version": f"Wazuh v{version}",
        "manager": name,
        "node_name": name,
        "dateAdd": time_text(started_at),
        "lastKeepAlive": FOREVER,
        "group_config_status": "synced",
    }


# query parameter -> test of a view against the parameter's value
FILTERS: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "agents_list": lambda view, value: view["id"] in value.split(","),
    "status": lambda view, value: value == "all" or view["status"] in value.split(","),
    "name": lambda view, value: view["name"] == value,
    "group": lambda view, value: value in view.get("group", []),
    "ip": lambda view, value: view.get("ip") == value,
    "registerIP": lambda view, value: view["registerIP"] == value,
    "version": lambda view, value: view.get("version") == value,
    "search": lambda view, value: any(value.lower() in str(field).lower() for field in view.values()),
}
PAGING = {"offset", "limit", "sort", "select", "pretty", "wait_for_complete"}


def page(views: list[dict[str, Any]], query: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
    """Filters, sorts, cuts and projects as the parameters say; the rows and how many there were before the cut."""
    for name in set(query) - PAGING - set(FILTERS):
        raise bad_parameter(name, "Extra query parameter that the stand-in does not know")
    for name, test in FILTERS.items():
        if name in query:
            views = [view for view in views if test(view, query[name])]
    key, descending = _sort(query.get("sort", "+id"))
    views = sorted(views, key=lambda view: str(view.get(key, "")), reverse=descending)
    offset, limit = _whole(query, "offset", 0), _whole(query, "limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise bad_parameter("limit", f"must be from 1 to {MAX_LIMIT}")
    rows = views[offset : offset + limit]
    if "select" in query:
        wanted = query["select"].split(",")
        rows = [{name: view[name] for name in wanted if name in view} for view in rows]
    return rows, len(views)


def _sort(text: str) -> tuple[str, bool]:
    return text.lstrip("+- "), text.startswith("-")


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit():
        raise bad_parameter(name, f"'{text}' is not a 'integer'")
    return int(text)

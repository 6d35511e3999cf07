"""P1 to P7: what the portal's API costs, over HTTP, by key, under row-level security."""

import json
from collections.abc import Callable, Iterator
from itertools import count as numbers
from typing import Any
from urllib.parse import quote

from local.bench.ground import Ground
from local.bench.pairs import Trial
from local.bench.portal import pgbench
from local.bench.portal.site import DATABASE, Site

CONNECTIONS = 8
PAGE, LARGEST_PAGE = 50, 200
MILLISECONDS = 1000
BARE = "bench"  # the Host of what takes any


def own_tenant(ground: Ground) -> Trial:
    """A GET of one tenant by a key of the organization that it belongs to, beside a view that only answers."""
    site = ground.site
    return _beside_hello(ground, [site.ask(f"/tenants/{site.seeded['own_tenant']}", key="own_key")], 60)


def client_tenant(ground: Ground) -> Trial:
    """The same by a key of the MSP, of one of its thousand clients after the other."""
    site = ground.site
    return _beside_hello(ground, [site.ask(f"/tenants/{tenant}") for tenant in site.seeded["tenants"]], 24)


def _beside_hello(ground: Ground, gets: list[dict[str, Any]], count: int) -> Trial:
    site, hello = ground.site, {"path": "/hello", "host": BARE}
    return Trial(
        ours=lambda: _rate(ground, site.port, gets, count),
        references={"bare view": lambda: _rate(ground, site.bare, [hello], 1000)},
    )


def page(ground: Ground) -> Trial:
    """The first page of all tenants, beside its statements in pgbench: all, and the page's own alone."""
    site, path = ground.site, f"/tenants?limit={PAGE}"
    asked = site.statements(path)
    scripts = {
        "pgbench, every statement": site.scripted("page", asked),
        "pgbench, the page's own": site.scripted("page-alone", pgbench.of_page(asked, PAGE)),
    }
    references = {name: _in_pgbench(ground, site, script) for name, script in scripts.items()}
    return Trial(lambda: _rate(ground, site.port, [site.ask(path)], 24), references)


def late_page(ground: Ground) -> Trial:
    """The last page of all tenants, beside the first: one after the other, as somebody turns them."""
    site, first = ground.site, f"/tenants?limit={PAGE}"
    last = f"{first}&cursor={site.seeded['cursors'][-1]}"

    def taken(path: str) -> float:
        return MILLISECONDS / _rate(ground, site.port, [site.ask(path)], 8, connections=1)

    return Trial(lambda: taken(last), {"page 1": lambda: taken(first)})


def search(ground: Ground) -> Trial:
    """The fleet narrowed to names of one client each, beside a view that reads one row by its key."""
    site = ground.site
    fleet = f"/organizations/{site.seeded['msp']}/fleet?limit={PAGE}&name="
    names = [quote(f"Client {number:05}") for number in range(len(site.seeded["clients"]))]
    searches = [site.ask(fleet + name) for name in names]
    probes = [{"path": f"/probe?id={tenant}", "host": BARE} for tenant in site.seeded["tenants"]]

    def slowest(port: int, requests: list[dict[str, Any]], count: int) -> float:
        work = {"requests": requests, "count": ground.many(count), "part": 0.99, "expected": 200}
        return MILLISECONDS * ground.load("latency", port=port, **work)

    return Trial(lambda: slowest(site.port, searches, 8), {"index probe": lambda: slowest(site.bare, probes, 200)})


def create_tenant(ground: Ground) -> Trial:
    """Creations of tenants, each in the next client: row, operation with its steps, outbox, audit, in one commit."""
    site = ground.site
    clients, fresh = _over_and_over(site.seeded["clients"]), numbers()

    def creation() -> dict[str, Any]:
        wish = {"organization": next(clients), "name": f"New {next(fresh)}"}
        return site.ask("/tenants", method="POST", body=json.dumps(wish))

    return Trial(lambda: _creations(ground, site, creation, 202), {})


def create_token(ground: Ground) -> Trial:
    """Creations of enrollment tokens, each for the next client's tenant: row with its hash, outbox, audit."""
    site = ground.site
    tenants = _over_and_over(site.seeded["tenants"])
    wish = json.dumps({"name": "Servers", "max_uses": 10})

    def creation() -> dict[str, Any]:
        return site.ask(f"/tenants/{next(tenants)}/tokens", method="POST", body=wish)

    return Trial(lambda: _creations(ground, site, creation, 201), {})


def bulk(ground: Ground) -> Trial:
    """Pages of the largest size from all over the list, beside a view that reads such a page in SQL and dumps it."""
    site, largest = ground.site, f"/tenants?limit={LARGEST_PAGE}"
    pages = [site.ask(f"{largest}&cursor={cursor}") for cursor in site.seeded["cursors"][:-1]]
    raw = {"path": f"/rows?limit={LARGEST_PAGE}", "host": BARE}
    return Trial(
        ours=lambda: LARGEST_PAGE * _rate(ground, site.port, pages, 16),
        references={"raw JSON view": lambda: LARGEST_PAGE * _rate(ground, site.bare, [raw], 32)},
    )


def _rate(
    ground: Ground,
    port: int,
    requests: list[dict[str, Any]],
    count: int,
    *,
    connections: int = CONNECTIONS,
    expected: int = 200,
) -> float:
    work = {"count": ground.many(count), "connections": connections, "expected": expected}
    return ground.load("requests", port=port, requests=requests, **work)


def _creations(ground: Ground, site: Site, creation: Callable[[], dict[str, Any]], expected: int) -> float:
    count = 40
    asked = [creation() for _ in range(ground.many(count))]
    return _rate(ground, site.port, asked, count, expected=expected)


def _in_pgbench(ground: Ground, site: Site, script: Any) -> Callable[[], float]:
    count = ground.many(40, step=CONNECTIONS)
    return lambda: pgbench.rate(script, site.server.directory, DATABASE, clients=CONNECTIONS, count=count)


def _over_and_over(these: list[str]) -> Iterator[str]:
    return (these[number % len(these)] for number in numbers())

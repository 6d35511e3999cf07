"""Every measure of portal and edge, what it is held against, and what is aimed at."""

from collections.abc import Callable
from typing import Any, NamedTuple

from local.bench.ground import Ground
from local.bench.measures import append, memory, portal, reading, routing, tunnel
from local.bench.pairs import Trial
from local.bench.rows import Aim, Goal


class Measure(NamedTuple):
    """An aim and how its samples are taken."""

    aim: Aim
    trial: Callable[[Ground], Trial]


def _measures(*rows: tuple[tuple[Any, ...], Callable[[Ground], Trial]]) -> tuple[Measure, ...]:
    return tuple(Measure(Aim(*aim), trial) for aim, trial in rows)


def _at_most(bound: float) -> Goal:
    return Goal(bound, at_most=True)


TUNNEL = {"websockify": Goal(2), "websocat": Goal(1)}
STALLED = {"": _at_most(8)}
SYNC = "both sides answer after the disk"
PGBENCH = {"pgbench, every statement": Goal(0.4), "pgbench, the page's own": Goal(0.4)}
QUOTED = "the goal is four times the 155 calls/s told of healthchecks, which is not run here; answered after the disk"
SLOWEST = "99th percentile: of ours, which asks eight times a sample, the slowest"
CREATED = {"": Goal(4 * 155)}

PORTAL = _measures(
    (("P1", "GET of one's own tenant", "requests/s", {"bare view": Goal(0.25)}), portal.own_tenant),
    (("P1", "GET of a client's by its MSP", "requests/s", {"bare view": Goal(0.25)}), portal.client_tenant),
    (("P2", "page of 50 out of 100,000 tenants", "pages/s", PGBENCH), portal.page),
    (("P3", "page 2,000", "ms", {"page 1": _at_most(1.05)}), portal.late_page),
    (("P5", "fleet searched", "ms", {"index probe": _at_most(3)}, SLOWEST), portal.search),
    (("P6", "create a tenant", "calls/s", CREATED, QUOTED), portal.create_tenant),
    (("P6", "create an enrollment token", "calls/s", CREATED, QUOTED), portal.create_token),
    (("P7", "list by pages of 200", "rows/s", {"raw JSON view": Goal(0.8)}), portal.bulk),
)

EDGE = _measures(
    (("P11", "Worker routing with auth", "requests/s", {"workerd hello": Goal(0.6)}), routing.authenticated),
    (("P12", "tenant object hop", "calls/s", {"bare object fetch": Goal(0.95)}), routing.object_hop),
    (("P13", "agent tunnel up", "MiB/s", TUNNEL), tunnel.up),
    (("P13", "agent tunnel down", "MiB/s", TUNNEL), tunnel.down),
    (("P14", "tunnel round trip", "µs", {"websocat": _at_most(1.1)}), tunnel.round_trip),
    (("P15", "stalled manager, 1 GiB offered", "MiB a connection", STALLED), memory.manager_stalls),
    (("P15", "stalled agent, 1 GiB offered", "MiB a connection", STALLED), memory.agent_stalls),
    (
        ("P15", "stalled follower of a log of 64 MiB", "MiB a connection", STALLED),
        memory.follower_stalls,
    ),
    (
        ("P15", "the same by WebSocket", "MiB a connection", STALLED),
        memory.subscriber_stalls,
    ),
    (("P16", "event append, 64 clients", "events/s", {"JetStream, sync": Goal(1.5)}, SYNC), append.singly),
    (
        (
            "P17",
            "event append, batched",
            "events/s",
            {"JetStream, async": Goal(5), "JetStream, async, sync": Goal(5)},
            "ours answers after the disk; JetStream does so only as «sync»",
        ),
        append.batched,
    ),
    (
        (
            "P18",
            "fan-out to 100 readers",
            "deliveries/s",
            {"NATS core": Goal(2)},
            "ours is on disk before it is sent; NATS core keeps nothing",
        ),
        reading.fan_out,
    ),
    (("P18", "its lag, 99th percentile", "ms", {"": _at_most(20)}), reading.lag),
    (("P19", "replay", "events/s", {"JetStream": Goal(4)}), reading.replay),
    (("P19", "replay of a rare kind", "events looked through/s", {"replay": Goal(2)}), reading.rare),
)

MEASURES = (*PORTAL, *EDGE)

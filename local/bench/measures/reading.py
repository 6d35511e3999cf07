"""P18 and P19: events to live readers, and to one that reads from the start."""

import json

from local.bench.ground import Ground
from local.bench.measures.append import BATCH
from local.bench.measures.event import EVENT
from local.bench.pairs import Trial

SUBSCRIBERS = 100
FAN_BATCH = 64
LAG_EVERY_MS = 10
LARGEST_PAGE = 1000


def fan_out(ground: Ground) -> Trial:
    """Batches of 64 events, four of them under way, to 100 readers."""
    cell = ground.cell
    work = {"subscribers": SUBSCRIBERS, "batch": FAN_BATCH, "batches": ground.many(20)}
    append = cell.append(cell.tenant, [EVENT] * FAN_BATCH)
    probe, event = {"port": cell.probe}, json.dumps(EVENT)
    return Trial(
        lambda: ground.load("fanOut", edge=cell.events, probe=probe, append=append, **work),
        {"NATS core": lambda: ground.load("fanOutOfNats", port=ground.references.nats, event=event, **work)},
    )


def lag(ground: Ground) -> Trial:
    """One event every 10 ms to 100 readers: the 99th percentile from the call to a reader."""
    cell = ground.cell
    work = {"subscribers": SUBSCRIBERS, "batches": ground.many(200), "everyMs": LAG_EVERY_MS}
    append, probe = cell.append(cell.tenant, [EVENT]), {"port": cell.probe}
    return Trial(lambda: ground.load("lag", edge=cell.events, probe=probe, append=append, **work), {})


def replay(ground: Ground) -> Trial:
    """Pages of 1000 events, one after the other, against a consumer that gets all of them pushed."""
    cell, count = ground.cell, ground.many(12_000, BATCH)
    _fill(ground, count)
    port = ground.references.nats
    ground.load("fillNats", port=port, event=json.dumps(EVENT), count=count)
    return Trial(
        lambda: ground.load("replay", edge=cell.events, after=0, limit=LARGEST_PAGE),
        {"JetStream": lambda: ground.load("replayOfNats", port=port, count=count)},
    )


def rare(ground: Ground) -> Trial:
    """Every record of the audit trail, in a log that is alerts but for a few, against reading all of it."""
    cell = ground.cell
    _fill(ground, ground.many(12_000, BATCH))
    return Trial(
        lambda: ground.load("replay", edge=cell.events, after=0, limit=LARGEST_PAGE, kind="audit"),
        {"replay": lambda: ground.load("replay", edge=cell.events, after=0, limit=LARGEST_PAGE)},
    )


def _fill(ground: Ground, count: int) -> None:
    request = ground.cell.append(ground.cell.tenant, [EVENT] * BATCH)
    ground.load("requests", port=ground.cell.probe, request=request, count=count // BATCH, connections=1)

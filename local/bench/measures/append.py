"""P16 and P17: events into a tenant's stream, each answer after the disk. A sample has a new stream on either side."""

import json

from local.bench.ground import Ground
from local.bench.measures.event import EVENT
from local.bench.pairs import Trial

CLIENTS = 64
BATCH = 512


def singly(ground: Ground) -> Trial:
    """Clients that append one event each and wait for the answer."""
    cell, count = ground.cell, ground.many(4000)
    work = {"count": count, "connections": CLIENTS}
    event = json.dumps(EVENT)
    return Trial(
        ours=lambda: ground.load(
            "requests", port=cell.probe, request=cell.append(cell.empty_stream(), [EVENT]), **work
        ),
        references={
            "JetStream, sync": lambda: ground.load(
                "publishSingly", port=ground.references.nats_sync, event=event, **work
            )
        },
    )


def batched(ground: Ground) -> Trial:
    """One client; 512 events under way, as one call or as so many publications not yet acknowledged."""
    cell, batches = ground.cell, ground.many(24)
    event = json.dumps(EVENT)

    def ours() -> float:
        request = cell.append(cell.empty_stream(), [EVENT] * BATCH)
        return BATCH * ground.load("requests", port=cell.probe, request=request, count=batches, connections=1)

    def published(port: int) -> float:
        return ground.load("publishAhead", port=port, event=event, count=batches * BATCH, window=BATCH)

    return Trial(
        ours,
        {
            "JetStream, async": lambda: published(ground.references.nats),
            "JetStream, async, sync": lambda: published(ground.references.nats_sync),
        },
    )

"""P15: what connections hold in memory whose reader stands still while 1 GiB, or a log of 64 MiB, is offered."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from local.bench.cell import Cell
from local.bench.ground import Ground
from local.bench.measures.append import BATCH
from local.bench.measures.event import EVENT
from local.bench.pairs import Trial

MIB = 1024 * 1024
LOOK_SECONDS = 0.05
STALLED_SECONDS = 4
READERS = 40
LOG_BATCHES = 200  # 64 MiB, of which each page is one


def manager_stalls(ground: Ground) -> Trial:
    """Agents send 1 GiB each and heed no close; their manager reads nothing."""
    return _trial(ground, "offer")


def agent_stalls(ground: Ground) -> Trial:
    """The manager sends 1 GiB to each agent; agents read nothing."""
    return _trial(ground, "ignore", seconds=STALLED_SECONDS)


def follower_stalls(ground: Ground) -> Trial:
    """Followers by Server-Sent Events, from the log's start, read nothing."""
    return _reader_stalls(ground, "events")


def subscriber_stalls(ground: Ground) -> Trial:
    """The same by WebSocket."""
    return _reader_stalls(ground, "websocket")


def _reader_stalls(ground: Ground, way: str) -> Trial:
    cell = ground.fresh_cell()
    request = cell.append(cell.tenant, [EVENT] * BATCH)
    ground.load("requests", port=cell.probe, request=request, count=ground.many(LOG_BATCHES), connections=1)
    before = cell.memory

    def stall() -> float:
        return ground.load("standStill", edge=cell.events, way=way, readers=READERS, seconds=STALLED_SECONDS)

    return Trial(lambda: (_highest(cell, stall) - before) / READERS / MIB, {})


def _trial(ground: Ground, job: str, **order: int) -> Trial:
    """In a runtime of its own: one that was used has memory that it need not ask for again."""
    cell = ground.fresh_cell()
    agents = [agent.agent_id for agent in cell.agents]
    # Once for all samples: what one of them leaves behind counts in those after it.
    before = cell.memory

    def stall() -> float:
        return ground.load(job, target=cell.tunnel, agents=agents, **order)

    return Trial(lambda: (_highest(cell, stall) - before) / len(agents) / MIB, {})


def _highest(cell: Cell, job: Callable[[], float]) -> int:
    """How much memory the runtime had during the job, at its highest."""
    highest, over = cell.memory, threading.Event()
    with ThreadPoolExecutor(1) as hand:
        work: Future[float] = hand.submit(job)
        work.add_done_callback(lambda _: over.set())
        while not over.wait(LOOK_SECONDS):
            highest = max(highest, cell.memory)
        work.result()
    return highest

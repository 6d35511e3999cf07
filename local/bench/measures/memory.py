"""P15: what connections hold in memory whose reader stands still while 1 GiB is offered to each."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from local.bench.cell import Cell
from local.bench.ground import Ground
from local.bench.pairs import Trial

MIB = 1024 * 1024
LOOK_SECONDS = 0.05
SETTLE_SECONDS = 1.0
STALLED_SECONDS = 4


def manager_stalls(ground: Ground) -> Trial:
    """Agents send 1 GiB each and heed no close; their manager reads nothing."""
    return _trial(ground, lambda agents: ground.load("offer", target=ground.cell.tunnel, agents=agents))


def agent_stalls(ground: Ground) -> Trial:
    """The manager sends 1 GiB to each agent; agents read nothing."""
    return _trial(
        ground,
        lambda agents: ground.load("ignore", target=ground.cell.tunnel, agents=agents, seconds=STALLED_SECONDS),
    )


def _trial(ground: Ground, job: Callable[[list[str]], float]) -> Trial:
    agents = [agent.agent_id for agent in ground.cell.agents]
    return Trial(lambda: _growth(ground.cell, lambda: job(agents)) / len(agents) / MIB, {})


def _growth(cell: Cell, job: Callable[[], float]) -> int:
    """How far the runtime's memory rose above where it stood before, at its highest."""
    time.sleep(SETTLE_SECONDS)  # what was held by the sample before is let go meanwhile
    before = highest = cell.memory
    over = threading.Event()
    with ThreadPoolExecutor(1) as hand:
        work: Future[float] = hand.submit(job)
        work.add_done_callback(lambda _: over.set())
        while not over.wait(LOOK_SECONDS):
            highest = max(highest, cell.memory)
        work.result()
    return highest - before

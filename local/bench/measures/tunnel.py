"""P13 and P14: one agent's connection through Worker, manager's object and container port."""

from local.bench.ground import Ground
from local.bench.pairs import Sample, Trial

REFERENCES = ("websockify", "websocat")


def _trial(ground: Ground, references: tuple[str, ...], job: str, **order: int) -> Trial:
    agent = ground.cell.agents[0].agent_id

    def through(reference: str) -> Sample:
        target = {"port": getattr(ground.references, reference), "host": "127.0.0.1"}
        return lambda: ground.load(job, target=target, agent=agent, **order)

    def ours() -> float:
        return ground.load(job, target=ground.cell.tunnel, agent=agent, **order)

    return Trial(ours, {name: through(name) for name in references})


def up(ground: Ground) -> Trial:
    """Bytes from the agent, 512 KiB under way."""
    return _trial(ground, REFERENCES, "up", mib=ground.many(192))


def down(ground: Ground) -> Trial:
    """Bytes to the agent, as fast as they are taken."""
    return _trial(ground, REFERENCES, "down", mib=ground.many(512))


def round_trip(ground: Ground) -> Trial:
    """Frames of 300 bytes there and back, one after the other."""
    return _trial(ground, ("websocat",), "roundTrip", count=ground.many(3000))

"""P11 and P12: what the Worker's front and the way to a tenant's object cost."""

from typing import Any

from local.bench.ground import Ground
from local.bench.pairs import Trial

CONNECTIONS = 32
HELLO = {"path": "/", "host": "bare"}


def authenticated(ground: Ground) -> Trial:
    """A call with a control plane's proof that ends in the Worker: front, door, routing to nothing."""
    cell, count = ground.cell, ground.many(4000)

    def ask(port: int, request: dict[str, Any], expected: int) -> float:
        work = {"count": count, "connections": CONNECTIONS, "expected": expected}
        return ground.load("requests", port=port, request=request, **work)

    return Trial(
        # Proofs live for a minute, so each sample has its own.
        ours=lambda: ask(cell.direct, cell.signed("/v1/nothing"), 404),
        references={"workerd hello": lambda: ask(cell.bare, HELLO, 200)},
    )


def object_hop(ground: Ground) -> Trial:
    """Calls of an object one after the other, from a Worker beside it."""
    cell, calls = ground.cell, ground.many(2000)

    def hop(way: str, name: str) -> float:
        path = f"/{way}?calls={calls}&object={name}"
        return calls / ground.load("request", port=cell.probe, request={"path": path, "host": "probe"})

    tenant = cell.tenant
    return Trial(ours=lambda: hop("tenant", tenant), references={"bare object fetch": lambda: hop("bare", "object")})

"""
`python -m local.chaos.scale [--tenants N] [--calm] [--seed N] [--json]`: exit status 0 only when all came up once.

Hundreds of tenants are asked for at once by API, under idempotency keys, on nodes of which one process plays many. The
portal and everything between it and the nodes is killed in a loop until all have run; what failed for good is retried,
as a person would. Whatever ran is stopped again: workerd holds at most 500 calls to its container engine, and each node
is one. While they come up another organization asks for one tenant, and the time is taken.
"""

import argparse
import json
import secrets
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field

import httpx

from local.chaos.monkey import Monkey
from local.portal_api import OVER, ApiRefused, Json, PortalApi
from local.stack.handle import NotInTime, StackHandle, running_stack, wait_for
from local.stream import replay
from local.visitor import Visitor
from local.welcome import sign_up_with_oidc

MASS, OTHER = "maria@northgate.example", "bob@baltic.example"
PARTS = ("portal", "worker", "bulk-worker", "beat", "broker", "edge")
HANDS = 16
# Longer than a part takes to come back on a busy machine: else hardly any time is left in which all of them live.
PEACE_SECONDS = (8.0, 16.0)
# With the local edge all nodes end; killed for ever, none of hundreds would ever have the time to come up.
EDGE_KILLS = 3
ANSWER_SECONDS = 300.0
CONVERGENCE_SECONDS = 1800.0
BUSY = {409, 429, 502, 503, 504}  # the same key is being answered, or what answers is on its way back


@dataclass(frozen=True)
class Figures:
    """What came of it.

    `lost`: acknowledged tenants or operations that are gone. `doubled`: tenants or operations that nobody was told of,
    and effects at the edge beyond one an operation and one a retry of it. `failed`: answers with 500. `stuck`: tenants
    that did not run and stop in time. `retries`: how often what had failed was tried again. `seconds`: from the first
    request until the last tenant had run and was stopped; `other_…`: from the other organization's request until the
    edge had it, and until its tenant ran.
    """

    kills: int
    retries: int
    tenants: int
    effects: int
    lost: int
    doubled: int
    failed: int
    stuck: int
    seconds: float
    other_handed_over: float
    other_running: float

    @property
    def faults(self) -> int:
        return self.lost + self.doubled + self.failed + self.stuck


@dataclass
class Customer:
    """One organization's program: it repeats a request under its key until it is answered, as a careful one does."""

    portal: str
    organization: str
    key: str
    failed: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    operations_told: set[str] = field(default_factory=set)
    tenants_told: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)

    def create(self, name: str) -> str:
        """The operation that makes a tenant."""
        return self._ask("/tenants", {"organization": self.organization, "name": name})

    def stop(self, tenant: str) -> None:
        self._ask(f"/tenants/{tenant}/stop", {})
        self.stopped.add(tenant)

    def _ask(self, path: str, wish: Json) -> str:
        key = str(uuid.uuid4())
        answer = self.until_answered(lambda api: api.post(path, wish, key=key))
        self.tenants_told.add(answer["tenant"]["id"])
        self.operations_told.add(answer["operation"]["id"])
        return str(answer["operation"]["id"])

    def operations(self) -> list[Json]:
        return self.until_answered(lambda api: api.all("/operations", limit=100))

    def retry(self, operation: str) -> None:
        """Once, as a person: where it goes on already, nothing is left to retry."""
        key = str(uuid.uuid4())
        with suppress(NotInTime):
            self.until_answered(lambda api: api.post(f"/operations/{operation}/retry", key=key), seconds=5)
            self.retried[operation] += 1

    def until_answered[T](self, ask: Callable[[PortalApi], T], seconds: float = ANSWER_SECONDS) -> T:
        return wait_for(lambda: self._answered(ask), "an answer", seconds, every=0.5)[0]

    def _answered[T](self, ask: Callable[[PortalApi], T]) -> tuple[T] | None:
        api = PortalApi(self.portal, self.key)
        try:
            return (ask(api),)
        except httpx.TransportError:
            return None
        except ApiRefused as refusal:
            if refusal.status == 500:
                self.failed += 1
                print(refusal, file=sys.stderr, flush=True)
            elif refusal.status not in BUSY:
                raise
            return None
        finally:
            api.http.close()


def customer(stack: StackHandle, person: str, name: str) -> Customer:
    with Visitor(stack.layout.portal) as visitor:
        organization = sign_up_with_oidc(visitor, person, name)
    stack.manage("set_plan", "--organization", organization, "--plan", "large")
    key = stack.manage("create_api_key", "--organization", organization, "--owner", person)
    return Customer(stack.layout.portal, organization, key)


@contextmanager
def killing(monkey: Monkey) -> Iterator[None]:
    """Something dies every few seconds inside."""
    over = threading.Event()

    def strike() -> None:
        while not over.wait(monkey.random.uniform(*PEACE_SECONDS)):
            if monkey.killed["edge"] >= EDGE_KILLS:
                monkey.parts = tuple(part for part in PARTS if part != "edge")
            monkey.strike()

    thread = threading.Thread(target=strike, name="killing")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def run(stack: StackHandle, tenants: int, monkey: Monkey, *, calm: bool) -> Figures:
    mass, other = customer(stack, MASS, "Mass"), customer(stack, OTHER, "Other")
    with ThreadPoolExecutor(HANDS) as hands, nullcontext() if calm else killing(monkey):
        began = time.monotonic()
        list(hands.map(mass.create, [f"Site {number:03d}" for number in range(tenants)]))
        first = hands.submit(_time_of, other)
        seconds, times = _until_all_are_over(hands, mass, began), first.result()
    return _judge(mass, other, monkey.kills, seconds, times)


def _time_of(other: Customer) -> tuple[float, float]:
    """How long a single tenant takes until the edge has it, and until it runs."""
    asked = time.monotonic()
    operation = other.create("Single")

    def seen(holds: Callable[[Json], bool]) -> float:
        def look() -> bool:
            return holds(other.until_answered(lambda api: api.get(f"/operations/{operation}")))

        wait_for(look, "the other organization's tenant", CONVERGENCE_SECONDS, every=0.3)
        return time.monotonic() - asked

    return seen(lambda found: found["steps"][0]["state"] == "succeeded"), seen(lambda found: found["state"] in OVER)


def _until_all_are_over(hands: ThreadPoolExecutor, mass: Customer, began: float) -> float:
    def all_over() -> bool:
        operations = mass.operations()
        failed = [each["id"] for each in operations if each["state"] == "failed"]
        made = {each["tenant"] for each in operations if (each["kind"], each["state"]) == ("create", "succeeded")}
        list(hands.map(mass.retry, failed))
        ran = made - mass.stopped
        list(hands.map(mass.stop, ran))
        over = all(each["state"] in OVER for each in operations)
        return over and not failed and not ran and mass.stopped == mass.tenants_told

    try:
        wait_for(all_over, "every tenant run and stopped", CONVERGENCE_SECONDS, every=3)
    except NotInTime as late:
        print(late, file=sys.stderr, flush=True)
    return time.monotonic() - began


def _judge(mass: Customer, other: Customer, kills: int, seconds: float, first: tuple[float, float]) -> Figures:
    operations = {row["id"]: row for row in mass.operations()}
    tenants = {row["id"]: row for row in mass.until_answered(lambda api: api.all("/tenants", limit=100))}
    effects = _effects(mass, mass.tenants_told & tenants.keys())
    second = {operation: times for operation, times in effects.items() if times > 1 + mass.retried[operation]}
    stuck = [row for row in tenants.values() if row["status"] != "stopped"]
    for what in (*second.items(), *((row["id"], row["status"], row["reason"]) for row in stuck)):
        print(what, file=sys.stderr, flush=True)
    return Figures(
        kills=kills,
        retries=mass.retried.total(),
        tenants=len(tenants),
        effects=effects.total(),
        lost=len(mass.operations_told - operations.keys()) + len(mass.tenants_told - tenants.keys()),
        doubled=len(operations.keys() - mass.operations_told) + len(tenants.keys() - mass.tenants_told) + len(second),
        failed=mass.failed + other.failed,
        stuck=len(stuck),
        seconds=round(seconds, 1),
        other_handed_over=round(first[0], 1),
        other_running=round(first[1], 1),
    )


def _effects(mass: Customer, tenants: set[str]) -> Counter[str]:
    """How often the edge carried each operation out: it writes one record of its audit trail each time."""
    counted: Counter[str] = Counter()
    for tenant in tenants:
        events = mass.until_answered(lambda api, tenant=tenant: replay(api, tenant))  # type: ignore[misc]
        records = [event["data"] for event in events if event["kind"] == "audit"]
        counted.update(record["operation"] for record in records if record["action"] == "tenant.specified")
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.chaos.scale", description=__doc__)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--calm", action="store_true", help="nothing is killed")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", action="store_true", help="leave the stack's folder with its logs")
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    with running_stack(shared_nodes=True, keep=options.keep) as stack:
        monkey = Monkey(stack, options.seed, parts=PARTS, node_share=0)
        figures = run(stack, options.tenants, monkey, calm=options.calm)
    counts = {**asdict(figures), "seed": options.seed}
    print(json.dumps(counts) if options.json else "\n".join(f"{name:<18} {count}" for name, count in counts.items()))
    sys.exit(1 if figures.faults else 0)


if __name__ == "__main__":
    main()

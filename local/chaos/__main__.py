"""`python -m local.chaos [--kills N] [--tenants N] [--seed N] [--json] …`: exit status 0 only when nothing was lost."""

import argparse
import json
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict

from local.chaos.followers import Followers
from local.chaos.judge import Verdict, judge
from local.chaos.keeper import Keeper
from local.chaos.load import EVERYTHING, Changes, Load
from local.chaos.monkey import Monkey
from local.chaos.plans import Subscription
from local.chaos.witness import Witness
from local.portal_api import PortalApi
from local.stack.handle import StackHandle, running_stack
from local.visitor import Visitor
from local.welcome import sign_up_with_oidc

OWNER = "maria@northgate.example"
LONGEST_PEACE_SECONDS = 0.5
CLUSTERED_SHARE = 4  # one in so many tenants has several managers and indexers


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--clusters", type=int, help="tenants with several managers and indexers; a quarter by default")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", action="store_true", help="leave the stack's folder with its logs")
    return parser.parse_args()


def rampage(
    stack: StackHandle, *, kills: int, tenants: int, clusters: int, seed: int, changes: Changes = EVERYTHING
) -> tuple[Monkey, Verdict]:
    """Makes tenants while things die, then lets everything come to rest and judges.

    Two of them have machines at work in them: the first, which is a cluster where any is, and the last. The events of
    all are followed.
    """
    with Visitor(stack.layout.portal) as maria:
        organization = sign_up_with_oidc(maria, OWNER, f"Chaos {seed}")
    key = stack.manage("create_api_key", "--organization", organization, "--owner", OWNER)
    subscription = Subscription(stack, organization)
    load = Load(PortalApi(stack.layout.portal, key), subscription, tenants, clusters, seed, changes)
    monkey = Monkey(stack, seed)
    load.create_all()
    with ExitStack() as running:
        watched = (load.tenants[0], load.tenants[-1])
        witnesses = [running.enter_context(Witness(stack, load.api, tenant)) for tenant in watched]
        followers = running.enter_context(Followers(load.api, load.tenants))
        backups = destroy(load, monkey, witnesses, kills)
        return monkey, judge(stack, load, witnesses, followers, backups)


def destroy(load: Load, monkey: Monkey, witnesses: list[Witness], kills: int) -> int:
    """Goes on until so many have died; returns how many backups were made meanwhile."""
    keeper = Keeper(monkey.stack, [witness.tenant for witness in witnesses], monkey.seed)
    with ThreadPoolExecutor(len(witnesses)) as hands:
        while monkey.kills < kills:
            acts = [hands.submit(witness.act) for witness in witnesses]
            monkey.strike()
            load.change_one()
            keeper.act()
            time.sleep(monkey.random.uniform(0, LONGEST_PEACE_SECONDS))
            for act in acts:
                act.result()
    keeper.finish()
    return keeper.backups


def main() -> None:
    options = arguments()
    clusters = options.tenants // CLUSTERED_SHARE if options.clusters is None else options.clusters
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    with running_stack(keep=options.keep, small_logs=True) as stack:
        monkey, verdict = rampage(
            stack, kills=options.kills, tenants=options.tenants, clusters=clusters, seed=options.seed
        )
    counts = {"kills": monkey.kills, **asdict(verdict), "seed": options.seed}
    if options.json:
        print(json.dumps(counts))
    else:
        killed = ", ".join(f"{count} {what}" for what, count in sorted(monkey.killed.items()))
        print(f"kills            {monkey.kills} ({killed})")
        print("\n".join(f"{name:<16} {count}" for name, count in counts.items() if name != "kills"))
    sys.exit(1 if verdict.faults else 0)


if __name__ == "__main__":
    main()

"""`python -m local.bench [--json] [--only P1,P13] [--pairs N] [--profile]`: measures portal and edge."""

import argparse
import logging
import os
import platform
import sys
from typing import Any

import structlog

from local.bench.ground import Ground
from local.bench.measures import EDGE, MEASURES, Measure
from local.bench.pairs import FEWEST_PAIRS, Trial, sampled
from local.bench.profile import profiled
from local.bench.rows import Aim, Table
from local.postgres import PostgresMissing


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default="", help="ids of measures, such as P1,P13; all of them by default")
    parser.add_argument(
        "--pairs", type=int, default=FEWEST_PAIRS, help=f"pairs a measure; {FEWEST_PAIRS} or more count"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="how much each sample does; below 1 it tells nothing")
    parser.add_argument(
        "--profile", action="store_true", help="tell as well where the edge's time goes, which slows it"
    )
    return parser.parse_args()


def chosen(only: str) -> list[Measure]:
    """The measures that were named. Raises: SystemExit for an id that there is none of."""
    wanted = set(only.upper().split(",")) if only else {measure.aim.id for measure in MEASURES}
    known = {measure.aim.id for measure in MEASURES}
    if unknown := wanted - known:
        raise SystemExit(f"There is no measure {', '.join(sorted(unknown))}; choose from {', '.join(sorted(known))}.")
    return [measure for measure in MEASURES if measure.aim.id in wanted]


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    load = f"{os.getloadavg()[0]:.1f}"
    return {"processors": os.cpu_count(), "machine": platform.machine(), "kernel": platform.release(), "load": load}


def main() -> None:
    options = arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    measures, table, before = chosen(options.only), Table(options.json), machine()
    table.open()
    with Ground(options.scale, inspected=options.profile) as ground:
        for measure in measures:
            aim, trial = measure.aim, begun(measure, ground)
            for row in aim.rows(sampled(trial, options.pairs)):
                table.add(row)
            if options.profile and measure in EDGE:
                tell_profile(ground, aim, trial)
    table.close(before)


def begun(measure: Measure, ground: Ground) -> Trial:
    """A measure's trial. Raises: SystemExit where the machine lacks what the portal needs."""
    try:
        return measure.trial(ground)
    except PostgresMissing as problem:
        raise SystemExit(f"{measure.aim.id}: {problem} Or name measures of the edge with ONLY.") from None


def tell_profile(ground: Ground, aim: Aim, trial: Trial) -> None:
    """On standard error, after the samples: a Worker that is looked at is slower."""
    print(
        f"{aim.id} {aim.measure}", *profiled(ground.cell.inspector, trial.ours), sep="\n", file=sys.stderr, flush=True
    )


if __name__ == "__main__":
    main()

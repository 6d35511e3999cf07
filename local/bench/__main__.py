"""`python -m local.bench [--json] [--only P11,P13] [--pairs N]`: measures the edge and prints a table."""

import argparse
import logging
import os
import platform
from typing import Any

import structlog

from local.bench.ground import Ground
from local.bench.measures import MEASURES, Measure
from local.bench.pairs import FEWEST_PAIRS, sampled
from local.bench.rows import Table


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", default="", help="ids of measures, such as P11,P13; all of them by default")
    parser.add_argument("--pairs", type=int, default=FEWEST_PAIRS, help=f"pairs a measure; {FEWEST_PAIRS} or more count")
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
    with Ground() as ground:
        for aim, trial in measures:
            for row in aim.rows(sampled(trial(ground), options.pairs)):
                table.add(row)
    table.close(before)


if __name__ == "__main__":
    main()

"""
`python -m deploy FILE [--dry-run]`: bring one cell's edge to what its file describes. It may be run again at any time.

Needed here: wrangler on PATH, CLOUDFLARE_API_TOKEN, and the environment of the portal's reconciler (GARRISON_…,
DATABASE_URL). The Worker's secrets are GARRISON_CELL_ID_KEYS and the file that `secrets.data_keys_file` names.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.configuration import SOURCE, source
from deploy.description import Deployment, Unusable, read
from deploy.plan import Step, lines_of, plan
from deploy.run import Runner
from deploy.vault import secrets_of


def steps_of(deployment: Deployment) -> list[Step]:
    """The plan, with what the repository holds now."""
    base = source()
    folder = SOURCE.parent / base["d1_databases"][0]["migrations_dir"]
    return plan(deployment, base, tuple(sorted(file.name for file in folder.glob("*.sql"))))


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 done, 1 stopped at a step, 2 nothing was begun."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    parser.add_argument("file", type=Path, help="the deployment file; deploy/deployment.example.toml shows its form")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and do nothing")
    options = parser.parse_args(arguments)
    try:
        deployment = read(options.file)
        steps = steps_of(deployment)
        if options.dry_run:
            print("\n".join(lines_of(steps)))
            return 0
        secrets = _prepared(deployment)
    except Unusable as error:
        print("Nothing was done:", *(f"- {fault}" for fault in error.faults), sep="\n", file=sys.stderr)
        return 2
    return 0 if Runner(secrets).run(steps) else 1


def _prepared(deployment: Deployment) -> dict[str, str]:
    """The Worker's secrets. Raises Unusable with everything that is missing, of the secrets and of this machine."""
    lacking = list(_lacking())
    try:
        secrets = secrets_of(deployment)
    except Unusable as error:
        raise Unusable([*error.faults, *lacking]) from None
    if lacking:
        raise Unusable(lacking)
    return secrets


def _lacking() -> Iterator[str]:
    if shutil.which("wrangler") is None:
        yield "wrangler: not on PATH (`make deploy` puts the pinned one there)"
    for name in ("CLOUDFLARE_API_TOKEN", "GARRISON_ENV", "GARRISON_CONTROL_KEY", "DATABASE_URL"):
        if not os.environ.get(name):
            yield f"{name}: is not set"


if __name__ == "__main__":
    sys.exit(main())

"""What a deployment does, in order. Decided here, done in `deploy.run`; every step may be done again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from deploy.configuration import REPOSITORY, render
from deploy.description import Deployment

Kind = Literal["write", "wrangler", "manage", "ready", "door", "migrations"]

BUILD = REPOSITORY / "build/deploy"
MIGRATIONS_QUERY = "SELECT name FROM d1_migrations ORDER BY id"


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Args:
        name: what it is called where it is printed.
        kind: how `deploy.run` does it.
        arguments: of the command; never a secret.
        secrets: names of what goes to the command's standard input, as one JSON object.
        writes: where `content` goes.
        expects: what an answer must say.
        if_it_fails: how to go on.
    """

    name: str
    kind: Kind
    if_it_fails: str
    arguments: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    writes: Path | None = None
    content: str = ""
    expects: tuple[str, ...] = ()


def plan(deployment: Deployment, base: dict[str, Any], migrations: tuple[str, ...]) -> list[Step]:
    """The steps of one deployment.

    Args: base: the Worker's configuration as the repository has it; migrations: file names of D1's, in order.
    """
    cell = deployment["cell.id"]
    target = BUILD / cell / "wrangler.json"
    at = ("--config", str(target))
    content = json.dumps(render(deployment, base), indent=2) + "\n"
    return [
        Step("write the Worker's configuration", "write", "Is the folder writable?", writes=target, content=content),
        Step(
            "apply D1 migrations",
            "wrangler",
            "Nothing was deployed. Check resources.d1_id and that the token may edit D1.",
            ("d1", "migrations", "apply", "WAZUH_META", "--remote", *at),
        ),
        Step(
            "deploy Worker and containers",
            "wrangler",
            "The Worker of before still runs; the migrations suit it. Check the images' digests and the token.",
            ("deploy", *at),
        ),
        Step(
            "set the Worker's secrets",
            "wrangler",
            "The Worker runs, but without its new secrets; on a first deployment it answers 500 until they are set.",
            ("secret", "bulk", *at),
            secrets=("CELL_ID_KEY", "DATA_KEYS"),
        ),
        Step(
            "register the cell in the portal",
            "manage",
            "The edge is up; only the portal does not know it. Check DATABASE_URL and GARRISON_CELL_ID_KEYS here.",
            _create_cell(deployment),
        ),
        Step(
            "the edge is ready",
            "ready",
            "Check DNS, the routes and `wrangler tail`.",
            (deployment.edge,),
            expects=(cell, "cloudflare"),
        ),
        Step(
            "D1 holds every migration",
            "migrations",
            "Apply D1's migrations again; compare `wrangler d1 migrations list`.",
            ("d1", "execute", "WAZUH_META", "--remote", "--json", "--command", MIGRATIONS_QUERY, *at),
            expects=migrations,
        ),
        Step(
            "the control door takes the portal's signature",
            "door",
            "Compare [[keys]] with GARRISON_CONTROL_KEY, and this machine's clock: a call is valid for a minute.",
            (cell, deployment.edge),
        ),
        *([_import(deployment)] if deployment.seeds else []),
    ]


def _import(deployment: Deployment) -> Step:
    """Repeating it makes only the tenants that are missing."""
    place, organization = deployment["seed.manifests"], deployment["seed.organization"]
    return Step(
        "import seed manifests",
        "manage",
        "The cell is up; no tenant was made. Mend what the manifests ask for, or the organization's plan.",
        ("import_clusters", place, f"--organization={organization}"),
    )


def _create_cell(deployment: Deployment) -> tuple[str, ...]:
    """Repeating it updates the registration; its cursor, its epoch and its count of tenants stay."""
    options = {
        "id": deployment["cell.id"],
        "base-url": deployment.edge,
        "dashboard-zone": deployment["hosts.dashboards"],
        "runtime": "cloudflare",
        "versions": ",".join(each["version"] for each in deployment.versions),
        "capacity": str(deployment.capacity),
        "jurisdiction": deployment["cell.jurisdiction"],
    }
    return ("create_cell", *(f"--{name}={value}" for name, value in options.items()))


def lines_of(steps: list[Step]) -> list[str]:
    """The plan as an operator reads it; it holds no secret, so that it can be pasted anywhere."""
    lines = []
    for number, step in enumerate(steps, 1):
        lines.append(f"{number}. {step.name}")
        if step.writes:
            lines.append(f"     writes {step.writes}")
        if step.arguments:
            lines.append(f"     {COMMANDS.get(step.kind, step.kind)} {' '.join(step.arguments)}")
        if step.secrets:
            lines.append(f"     standard input: {', '.join(step.secrets)}")
    return lines


COMMANDS = {
    "wrangler": "wrangler",
    "migrations": "wrangler",
    "manage": "manage.py",
    "ready": "GET",
    "door": "signed GET",
}

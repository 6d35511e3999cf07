"""Imports go left only: controlplane ← organizations ← billing ← tenants ← fleet, and inside two rooms downward.

Inside `tenants` its inner rooms; inside `organizations` rows, reads and sign-in protocols ← actions ← doors.

Read from the code itself, imports inside functions included.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("controlplane", "organizations", "billing", "tenants", "fleet")
INNER_ROOMS = (
    "provisioning",
    "metering",
    "enrollment",
    "agents",
    "protection",
    "content",
    "access",
    "rollouts",
    "status",
)
# What actions of `organizations` stand on: these files, and in its packages all but the doors, which go by these names.
FOUNDATION = (
    "access",
    "addresses",
    "external_ids",
    "migrations",
    "models",
    "names",
    "owner_notices",
    "permissions",
    "queries",
    "shown_names",
    "standings",
    "visibility",
)
PACKAGES = (
    "accounts",
    "branding",
    "domain_names",
    "hostnames",
    "keys",
    "members",
    "msp",
    "roles",
    "scim",
    "security",
    "senders",
    "sso",
    "trail",
)
DOORS = (
    *("adapter", "api", "api_urls", "authentication", "completion", "departure", "download", "forms", "middleware"),
    *("page", "rows", "serializers", "sessions", "urls", "views"),
)
NEVER = ("local", "tests")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yields line and full dotted name of everything a file imports."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            # `from tenants import access` names a module, not only a value.
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def position(parts: list[str]) -> tuple[int, int]:
    """Where a module stands: its room, and in `tenants` and `organizations` how far right in it.

    A file of `tenants` itself stands at the inner room furthest right that it imports: what gathers all of them stands
    right of all, what several of them share stands left.
    """
    room = ROOMS.index(parts[0])
    if parts[0] == "organizations" and len(parts) > 1:
        return room, layer(parts[1:])
    if parts[0] != "tenants" or len(parts) < 2:
        return room, 0
    return room, INNER_ROOMS.index(parts[1]) if parts[1] in INNER_ROOMS else reach(parts[1], frozenset())


def layer(inside: list[str]) -> int:
    """Returns 0 for what actions stand on, 1 for actions, 2 for doors."""
    if inside[0] == "actions":
        return 1
    if inside[0] in PACKAGES:
        is_door = any(name in DOORS or name.endswith(("_views", "_api")) for name in inside)
        return 2 if is_door else 0
    return 0 if inside[0] in FOUNDATION else 2


def reach(module: str, seen: frozenset[str]) -> int:
    """Returns the inner room furthest right that a file of `tenants` itself needs."""
    path = ROOT / "tenants" / f"{module}.py"
    if path.with_suffix("").is_dir():
        return len(INNER_ROOMS)  # migrations and commands serve all inner rooms
    if module in seen or not path.exists():
        return 0
    needed = [name.split(".") for _, name in imports_of(path)]
    inside = [parts[1] for parts in needed if parts[0] == "tenants" and len(parts) > 1]
    found = (INNER_ROOMS.index(name) if name in INNER_ROOMS else reach(name, seen | {module}) for name in inside)
    return max(found, default=0)


def breaches(path: Path) -> list[str]:
    """Returns what the file imports against the rule."""
    here = list(path.relative_to(ROOT).with_suffix("").parts)
    found = []
    for line, name in imports_of(path):
        there = name.split(".")
        if there[0] in NEVER:
            found.append(f"{path.relative_to(ROOT)}:{line} imports {name}: the product never imports {there[0]}")
        elif there[0] in ROOMS and position(there) > position(here):
            found.append(f"{path.relative_to(ROOT)}:{line} imports {name}, which stands right of it")
    return found


def files() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_imports_go_left_only():
    found = [breach for path in files() for breach in breaches(path)]
    assert not found, "\n" + "\n".join(found)


def test_the_rule_is_applied_to_every_room():
    assert {path.relative_to(ROOT).parts[0] for path in files()} == set(ROOMS)


@pytest.mark.parametrize(
    ("module", "line", "allowed"),
    [
        ("controlplane/a.py", "from organizations.models import User", False),
        ("controlplane/a.py", "import organizations", False),
        ("organizations/a.py", "def f():\n    import tenants.tasks", False),
        ("organizations/a.py", "from controlplane import audit", True),
        ("billing/a.py", "from organizations import queries", True),
        ("organizations/queries.py", "from organizations.actions import keys", False),
        ("organizations/sso/saml/metadata.py", "from organizations.sso.sessions import begin", False),
        ("organizations/sso/attempts.py", "from organizations.actions import sign_in", False),
        ("organizations/actions/keys.py", "from organizations.sso import completion", False),
        ("organizations/actions/keys.py", "from organizations.sso.oidc.provider import discover", True),
        ("organizations/sso/saml/views.py", "from organizations.actions import sign_in", True),
        ("organizations/api.py", "from organizations.sso import sessions", True),
        ("tenants/provisioning/a.py", "from tenants.enrollment import models", False),
        ("tenants/provisioning/a.py", "from tenants import access", False),
        ("tenants/provisioning/a.py", "from ..enrollment import models", False),
        ("tenants/provisioning/a.py", "from . import models", True),
        ("tenants/access/a.py", "from tenants.provisioning import queries", True),
        ("tenants/tasks.py", "from tenants.access import actions", True),
        ("fleet/a.py", "from tenants.tasks import reconcile", True),
        ("tenants/a.py", "import fleet.queries", False),
        ("fleet/a.py", "from local.seed import people", False),
        ("fleet/a.py", "from tests.cast import alice", False),
    ],
)
def test_the_rule_itself(tmp_path, monkeypatch, module, line, allowed):
    monkeypatch.setattr(__import__(__name__, fromlist=["x"]), "ROOT", tmp_path)
    path = tmp_path / module
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert (not breaches(path)) == allowed

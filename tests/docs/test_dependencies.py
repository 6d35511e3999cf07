"""Whoever clones this can see what it stands on, and under which licences."""

import json
import re
import tomllib

from django.conf import settings

NAME = re.compile(r"[A-Za-z0-9_.-]+")
NPM_GROUPS = ("dependencies", "devDependencies", "optionalDependencies")


def direct_dependencies() -> set[str]:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    groups = project.get("dependency-groups", {}).values()
    python = [*project["project"]["dependencies"], *(line for group in groups for line in group)]
    packages = [json.loads((settings.BASE_DIR / place / "package.json").read_text()) for place in ("worker", "assets")]
    npm = [name for package in packages for group in NPM_GROUPS for name in package.get(group, {})]
    return {NAME.match(line)[0] for line in python} | set(npm)


def listed() -> set[str]:
    rows = re.findall(
        r"^\| ([^|]+) \| [^|]+ \|", (settings.BASE_DIR / "docs/dependencies.md").read_text(), re.MULTILINE
    )
    return {name.strip() for row in rows for name in re.sub(r"\([^)]*\)", "", row).split(",")} - {"package"}


def test_every_direct_dependency_is_listed_with_its_licence_and_nothing_else_is():
    assert listed() == direct_dependencies()
